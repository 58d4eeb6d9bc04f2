package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a crowd of bad clients does to the others, measured on the program as
// users have it. Each benchmark reports, and takes no longer than a minute.

const (
	stalledClients = 500
	keysAtOnce     = 300
	largeBodies    = 1000
	largeBody      = 4 << 20
)

// stall opens connections whose bodies are announced and do not come. It returns
// when the server waits for each.
func (p *process) stall(clients int) {
	p.t.Helper()
	address := strings.TrimPrefix(p.url, "http://")
	for range clients {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", largeBody)
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.Contains(line, "100 Continue") {
			p.t.Fatal(line, err)
		}
		io.WriteString(conn, "Action=")
	}
}

// mustCall is a call that has to succeed.
func (p *process) mustCall(action string, params ...string) map[string]any {
	p.t.Helper()
	status, body, err := p.call(action, params...)
	if err != nil || status != http.StatusOK {
		p.t.Fatal(status, body, err)
	}
	return body
}

// slowest is the time of the slowest hundredth of calls.
func slowest(calls int, call func()) time.Duration {
	took := make([]time.Duration, calls)
	for i := range took {
		began := time.Now()
		call()
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[calls*99/100]
}

// slowestOf is that for each call, when all have come to pace.
func slowestOf(calls map[string]func()) map[string]time.Duration {
	took := map[string]time.Duration{}
	for _, call := range calls {
		slowest(500, call)
	}
	for name, call := range calls {
		took[name] = slowest(3000, call)
	}
	return took
}

// BenchmarkCallsBesideKeysBeingMade gives the p99 of DescribeKey and Encrypt
// while 300 keys are made and 500 clients stall, and alone.
func BenchmarkCallsBesideKeysBeingMade(b *testing.B) {
	for b.Loop() {
		p := start(b, "--ephemeral")
		id := p.mustCall("CreateKey")["KeyMetadata"].(map[string]any)["KeyId"].(string)
		calls := map[string]func(){
			"DescribeKey": func() { p.mustCall("DescribeKey", "KeyId", id) },
			"Encrypt":     func() { p.mustCall("Encrypt", "KeyId", id, "Plaintext", "SGVsbG8=") },
		}
		alone := slowestOf(calls)
		p.stall(stalledClients)
		made := p.makeKeys(keysAtOnce)
		crowded := slowestOf(calls)
		for name := range calls {
			b.ReportMetric(float64(alone[name].Microseconds())/1000, name+"-alone-p99-ms")
			b.ReportMetric(float64(crowded[name].Microseconds())/1000, name+"-crowded-p99-ms")
			b.ReportMetric(float64(crowded[name])/float64(alone[name]), name+"-ratio")
		}
		p.cmd.Process.Kill()
		b.ReportMetric(float64(made()), "keys-made-meanwhile")
	}
}

// makeKeys lets clients make RSA keys at once, each one. What it returns waits
// for them, and counts the keys.
func (p *process) makeKeys(clients int) (made func() int) {
	var calls sync.WaitGroup
	answered := make(chan struct{}, clients)
	for range clients {
		calls.Go(func() {
			if status, _, err := p.call("CreateKey", "KeySpec", "RSA_3072"); err == nil && status == http.StatusOK {
				answered <- struct{}{}
			}
		})
	}
	return func() int { calls.Wait(); return len(answered) }
}

// BenchmarkMemoryAfterLargeBodies sends bodies that are all refused, 16 at once.
func BenchmarkMemoryAfterLargeBodies(b *testing.B) {
	for b.Loop() {
		p := start(b, "--ephemeral")
		b.ReportMetric(p.memory("VmRSS"), "before-MiB")
		body := []byte(url.Values{"Action": {"NoAction"}, "Padding": {strings.Repeat("p", largeBody-100)}}.Encode())
		statuses := p.postAll(body, largeBodies)
		b.ReportMetric(p.memory("VmRSS"), "after-MiB")
		time.Sleep(3 * time.Second)
		b.ReportMetric(p.memory("VmRSS"), "after-3s-MiB")
		b.ReportMetric(p.memory("VmHWM"), "peak-MiB")
		for status, n := range statuses {
			b.ReportMetric(float64(n), fmt.Sprintf("answered-%d", status))
		}
		p.stop()
	}
}

// postAll posts a form again and again, and counts what is answered: 0 nothing.
func (p *process) postAll(form []byte, times int) map[int]int {
	statuses := make(chan int, times)
	turns := make(chan struct{}, times)
	for range times {
		turns <- struct{}{}
	}
	close(turns)
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for range turns {
				statuses <- p.post(form)
			}
		})
	}
	clients.Wait()
	close(statuses)
	counts := map[int]int{}
	for status := range statuses {
		counts[status]++
	}
	return counts
}

func (p *process) post(form []byte) (status int) {
	r, err := http.Post(p.url, "application/x-www-form-urlencoded", bytes.NewReader(form))
	if err != nil {
		return 0
	}
	defer r.Body.Close()
	io.Copy(io.Discard, r.Body)
	return r.StatusCode
}

// memory is a value of the process in the proc file system, in MiB.
func (p *process) memory(name string) float64 {
	p.t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		p.t.Skip("there is no proc file system")
	}
	found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	return float64(kib) / 1024
}

// BenchmarkStopBesideStalledBodies stops while 500 bodies stall and a fault
// hangs.
func BenchmarkStopBesideStalledBodies(b *testing.B) {
	for b.Loop() {
		p := start(b, "--ephemeral")
		p.hang(b)
		p.stall(stalledClients)
		began := time.Now()
		p.stop()
		b.ReportMetric(time.Since(began).Seconds(), "stop-s")
	}
}

// hang lets a call meet a fault that delays it for an hour.
func (p *process) hang(b *testing.B) {
	r, err := http.NewRequest(http.MethodPut, p.url+"/_emulator/faults/hang", strings.NewReader("{match: {operation: ListKeys}, delay: 1h}"))
	if err != nil {
		b.Fatal(err)
	}
	if answer, err := http.DefaultClient.Do(r); err != nil || answer.StatusCode != http.StatusOK {
		b.Fatal(answer, err)
	}
	go p.call("ListKeys")
	awaitHit(b, p, "hang")
}
