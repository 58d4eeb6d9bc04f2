package main

import (
	"fmt"
	"strings"
)

// target is something that must be true. It is reported here, not tested: a
// machine that does other work too would fail a test of time.
type target struct {
	what             string
	group, row, name string // of the measure
	bound            float64
	atMost           bool
}

const (
	encrypt16   = "encrypt RSA_2048, 16 connections"
	decrypt16   = "decrypt RSA_2048, 16 connections"
	getSecret16 = "GetSecretValue Aliyun_AES_256, 16 connections"
)

var targets = []target{
	{"encrypt RSA_2048, 16 connections, of the floor: unsigned", throughput, encrypt16, unsigned, 0.90, false},
	{"the same, V1 verified", throughput, encrypt16, signedV1, 0.80, false},
	{"the same, V3 verified", throughput, encrypt16, signedV3, 0.80, false},
	{"the same with 10 rules and a quota in force, of without", throughput, encrypt16, withRules + ", of without", 0.97, false},
	{"decrypt RSA_2048, 16 connections, of the floor", throughput, decrypt16, unsigned, 0.96, false},
	{"its p99, of the ungated floor's", latency, decrypt16, p99Ungated, 0.45, true},
	{"symmetric Encrypt, 16 connections, of the floor", throughput, "Encrypt Aliyun_AES_256, 16 connections", unsigned, 0.85, false},
	{"GetSecretValue, 16 connections, of the floor", throughput, getSecret16, unsigned, 0.80, false},
	{"start to first answer, 30 RSA keys, existing folder, over bare net/http, ms", starts, startRow(30, true), overBare, 10, true},
	{"the same, 1,000 RSA keys, ms", starts, startRow(1000, true), overBare, 100, true},
	{"resident memory idle, MiB", memory, memoryRow + ", unsigned", idle, 15, true},
	{"the same after 200,000 calls, unsigned, MiB", memory, memoryRow + ", unsigned", after, 22, true},
	{"the same after 200,000 calls, signed, MiB", memory, memoryRow + ", V1", after, 27, true},
	{"CreateKey RSA_3072, pool warm, p50, ms", creations, createKeyRow, poolWarm, 5, true},
	{"encrypt among 10,000 keys, of among 10", manyKeys, encryptRow, ofFew, 0.95, false},
	{"ListKeys, a page of 10,000 keys, p50, ms", manyKeys, pageRow, manyP50, 2, true},
	{"10,000 keys, existing folder: start to first answer, ms", rest, restRow, restStart, 1000, true},
	{"the same, resident memory, MiB", rest, restRow, restSize, 80, true},
	{"10,000 keys with the scenario that made them: start, ms", rest, againRow, restStart, 1000, true},
	{"the same, resident memory, MiB", rest, againRow, restSize, 80, true},
	{"GetSecretValue among 10,000 secrets, of among 10", manySecrets, readSecretRow, ofFew, 0.95, false},
	{"ListSecrets, a page of 10,000 secrets, p50, ms", manySecrets, secretPageRow, manyP50, 2, true},
	{"10,000 secrets, existing folder: start to first answer, ms", rest, restSecretsRow, restStart, 1000, true},
	{"the same, resident memory, MiB", rest, restSecretsRow, restSize, 80, true},
	{"10,000 secrets with the scenario that made them: start, ms", rest, restSecretsRow + withThem, restStart, 1000, true},
	{"the same, resident memory, MiB", rest, restSecretsRow + withThem, restSize, 80, true},
	{"CreateAlias by 16 callers, of bare bbolt's 16", writes, writesRow, ofBareBolt, 0.8, false},
}

// outcome is a target beside what was measured.
type outcome struct {
	What     string
	Bound    string
	Measured string
	Met      string // yes, no, or not measured
}

// met compares each target with the median.
func (b *bench) met() (all []outcome) {
	for _, t := range targets {
		o := outcome{What: t.what, Bound: "at least " + figure(t.bound), Met: "not measured"}
		if t.atMost {
			o.Bound = "at most " + figure(t.bound)
		}
		if m, ok := b.find(t.group, t.row, t.name); ok {
			o.Measured, o.Met = m.String(), "no"
			if m.Median == t.bound || t.atMost == (m.Median < t.bound) {
				o.Met = "yes"
			}
		}
		all = append(all, o)
	}
	return all
}

func (b *bench) targetTable() string {
	var text strings.Builder
	text.WriteString("| what must be true | bound | measured | met |\n| --- | --- | --- | --- |\n")
	for _, o := range b.met() {
		fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", o.What, o.Bound, o.Measured, o.Met)
	}
	return text.String()
}
