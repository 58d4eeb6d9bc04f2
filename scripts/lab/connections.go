package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// connections holds 1,000 connections open, half of them stalled, while the
// others call. No call may fail, and a stop may not wait for those that stall.
func connections(l *lab) outcome {
	p, err := l.start(filepath.Join(l.work, "connections"))
	if err != nil {
		return fail(err)
	}
	defer p.kill()
	address := strings.TrimPrefix(p.url, "http://")
	honest, calls := 500, l.amount(4, 100)
	alone, err := hold(address, honest, calls)
	if err != nil {
		return fail(err)
	}
	stalled, err := stall(address, 500)
	defer func() {
		for _, conn := range stalled {
			conn.Close()
		}
	}()
	if err != nil {
		return fail(err)
	}
	beside, err := hold(address, honest, calls)
	o := outcome{}
	o.note(err)
	took, err := p.stop()
	o.note(err)
	if took > stopLimit {
		o.note(fmt.Errorf("the stop took %s", took))
	}
	o.done = fmt.Sprintf("%d connections, 500 of them stalled, %d calls: p99 %s, without the stalled ones %s; stopped in %s",
		honest+len(stalled), honest*calls, beside.Round(time.Millisecond), alone.Round(time.Millisecond), took.Round(10*time.Millisecond))
	return o
}

// stopLimit is what a stop may take, with all there is to end.
const stopLimit = 5 * time.Second

// note adds what must not be.
func (o *outcome) note(err error) {
	if err != nil {
		o.wrong = append(o.wrong, err.Error())
	}
}

// stalls are the beginnings of requests after which nothing comes any more.
var stalls = []string{
	"",
	"POST / HTTP/1.1\r\nHost: 127.0",
	"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nAction=Describe",
	"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nActio",
	strings.Repeat("GET /_emulator/operations HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 200), // and the answers are not read
}

func stall(address string, count int) (stalled []net.Conn, err error) {
	for i := range count {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return stalled, err
		}
		stalled = append(stalled, conn)
		if _, err := io.WriteString(conn, stalls[i%len(stalls)]); err != nil {
			return stalled, err
		}
	}
	return stalled, nil
}

// hold calls over so many connections at once, and gives what 99 of 100 calls
// took at most.
func hold(address string, count, calls int) (p99 time.Duration, err error) {
	var mu sync.Mutex
	var took []time.Duration
	var held sync.WaitGroup
	for range count {
		held.Go(func() {
			mine, callErr := callOver(address, calls)
			mu.Lock()
			defer mu.Unlock()
			took, err = append(took, mine...), errors.Join(err, callErr)
		})
	}
	held.Wait()
	if err != nil {
		return 0, err
	}
	slices.Sort(took)
	return took[len(took)*99/100], nil
}

// callOver calls over one connection.
func callOver(address string, calls int) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	answers := bufio.NewReader(conn)
	for range calls {
		began := time.Now()
		if _, err := io.WriteString(conn, "GET /?Action=DescribeKey&KeyId=alias/demo-rsa-2048 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
			return nil, err
		}
		r, err := http.ReadResponse(answers, nil)
		if err != nil {
			return nil, err
		}
		if a, err := read(r); err != nil || a.status != http.StatusOK {
			return nil, fmt.Errorf("DescribeKey answers %v: %v", a, err)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}
