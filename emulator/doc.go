// Package emulator imitates Alibaba Cloud KMS (OpenAPI product Kms, version
// 2016-01-20) as an http.Handler: asymmetric keys with their versions, states,
// aliases and cryptography, for the official SDKs, unmodified.
//
// The path of a request, a file each:
//
//	serve.go      the ports, HTTP and HTTPS (ca.go), and the stop
//	server.go     by host and path: "/" is the API
//	openapi.go    action and parameters, off query, form and headers
//	callers.go    who calls; signature.go: is it signed by them
//	quotas.go     may refuse it
//	faults.go     may answer instead, or replace the answer
//	operation.go  the row of the table: its kind, its request (params.go)
//	keys.go, states.go, versions.go, asymmetric.go, aliases.go, regions.go
//	              the operations; call.go: what they are given
//	answer.go     response or error, as JSON or XML
//	journal.go    what became of it
//
// Beside that path: scenario.go, meaning.go and seed.go bring a scenario in,
// export.go brings one out, control.go and rulecontrols.go serve /_emulator/,
// and wiring.go tells how clients are pointed here.
//
// To add an operation, write a row into the table of its family, a request
// struct whose tags say what its parameters have to be, a response struct
// spelt as on the wire, and a function; then testdata/transcripts/<Action>.txt.
package emulator
