// Package auth finds out who calls: what a request claims, whether it is signed
// by that AccessKey, and what the AccessKey's RAM policy allows. It reads its own
// part of a scenario, the credentials.
package auth
