// Package emulator imitates Alibaba Cloud KMS (OpenAPI product Kms, version
// 2016-01-20) as an http.Handler, for the official SDKs, unmodified.
//
// The path of a request:
//
//	serve.go           the ports, HTTP and HTTPS (ca.go), and the stop
//	port.go            a connection; its limits: limits.go, connections.go, headers.go, bodies.go
//	server.go          by host and path: "/" is the API; gateway.go: whose
//	exchange.go        one request and what becomes of it:
//	  internal/wire    which action, which parameters
//	  internal/auth    who calls, and is it signed by them
//	  internal/rules   quotas, then faults: may answer instead, or replace the answer
//	  internal/kms     the row of the table, its request checked, the operation
//	  internal/wire    response or error, as JSON or XML
//	journal.go         what became of it; reasons.go: why, line.go: in a line
//
// Each room below internal knows its neighbours only, and imports run one way.
// internal/kmserr is the catalogue of errors, internal/keyspec the kinds of key
// and their cryptography.
//
// Beside that path: scenario.go and seed.go bring a scenario in, export.go
// brings one out, clock.go tells the time, control.go and rulecontrols.go serve
// /_emulator/ (try.go: a call that nobody signs; queries.go: what is asked of the
// journal; follow.go and stream.go: calls as they are answered), page.go serves the
// files of ui, the page, which asks nothing but these controls, and internal/wiring tells how
// clients are pointed here, and writes sample programs (sample.go).
//
// internal/bench measures the built program; scripts/bench starts it.
//
// To add an operation, write it into a file of internal/kms, and the
// conversation that shows it into testdata/transcripts. A sample program of it is
// run with values by the names of its parameters, or with its own, from
// scripts/conformance/samples/calls.json.
package emulator
