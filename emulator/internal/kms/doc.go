// Package kms has the operations of KMS: a table, and a file for each family,
// all in one form. It knows no HTTP, no faults and no journal. A Service is what
// the operations work on, a Call one call of one of them.
//
// To add an operation, write a row into the table of its family, a request
// struct whose tags say what its parameters have to be (params.go), a response
// struct spelt as on the wire, and a function.
package kms
