// Package rules decides what becomes of a call before KMS sees it: whether a
// quota refuses it, and which fault it meets. It reads its own part of a
// scenario. Rules.Decide is its one verb; it writes into nothing that is not its
// own.
package rules
