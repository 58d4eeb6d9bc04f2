// Package conformance holds no code of its own: its tests drive a built alikms
// with the unmodified official Go SDKs, over plain HTTP.
package conformance
