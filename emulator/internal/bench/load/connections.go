package load

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Connections are connections to one server, kept open from call to call. They
// read no more of an answer than they need, for the client shares the processors
// with the server.
type Connections []*connection

type connection struct {
	net.Conn
	answers *bufio.Reader
}

// Dial opens connections. Over TLS any certificate will do: what is measured is
// the cryptography of records, not trust.
func Dial(address string, overTLS bool, count int) (all Connections, err error) {
	for range count {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return nil, errors.Join(err, all.Close())
		}
		if overTLS {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
		}
		all = append(all, &connection{conn, bufio.NewReader(conn)})
	}
	return all, nil
}

// Close closes the connections.
func (cs Connections) Close() (err error) {
	for _, c := range cs {
		err = errors.Join(err, c.Conn.Close())
	}
	return err
}

// Result is what became of a load.
type Result struct {
	Calls     int
	Took      time.Duration
	Latencies []time.Duration // of each call, the shortest first
}

// PerSecond returns how many calls were answered in a second.
func (r Result) PerSecond() float64 { return float64(r.Calls) / r.Took.Seconds() }

// Quantile returns the latency that a share of the calls does not exceed.
func (r Result) Quantile(share float64) time.Duration {
	return r.Latencies[min(int(float64(len(r.Latencies))*share), len(r.Latencies)-1)]
}

// Send sends requests, on each connection the next when it has its answer. Its
// error is that of the first request which is not answered with 200.
func (cs Connections) Send(requests [][]byte) (Result, error) {
	result := Result{Calls: len(requests), Latencies: make([]time.Duration, len(requests))}
	var next atomic.Int64
	var work errgroup.Group
	began := time.Now()
	for _, c := range cs {
		work.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(requests) {
					return nil
				}
				sent := time.Now()
				if _, err := c.call(requests[i], nil); err != nil {
					return err
				}
				result.Latencies[i] = time.Since(sent)
			}
		})
	}
	err := work.Wait()
	result.Took = time.Since(began)
	slices.Sort(result.Latencies)
	return result, err
}

// Call sends one request and returns the body of its answer.
func (cs Connections) Call(request []byte) ([]byte, error) {
	var body bytes.Buffer
	_, err := cs[0].call(request, &body)
	return body.Bytes(), err
}

// call sends a request and reads its answer; the body goes to body, if that is
// given.
func (c *connection) call(request []byte, body *bytes.Buffer) (status int, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	status, length, err := c.readHead()
	if err != nil {
		return status, err
	}
	if status != 200 || body != nil {
		text := make([]byte, length)
		if _, err := io.ReadFull(c.answers, text); err != nil {
			return status, err
		}
		if status != 200 {
			return status, fmt.Errorf("answered %d %s", status, text)
		}
		body.Write(text)
		return status, nil
	}
	_, err = c.answers.Discard(length)
	return status, err
}

var lengthField = []byte("content-length:")

// readHead reads status line and header, of which the length of the body counts.
func (c *connection) readHead() (status, length int, err error) {
	line, err := c.answers.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if status, err = statusOf(line); err != nil {
		return 0, 0, err
	}
	length = -1
	for {
		line, err := c.answers.ReadSlice('\n')
		switch {
		case err != nil:
			return status, 0, err
		case len(line) <= 2 && length < 0:
			return status, 0, errors.New("the answer does not say its length")
		case len(line) <= 2:
			return status, length, nil
		case len(line) > len(lengthField) && bytes.EqualFold(line[:len(lengthField)], lengthField):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(lengthField):]))); err != nil || length < 0 {
				return status, 0, fmt.Errorf("the answer has the length %q", line)
			}
		}
	}
}

// statusOf reads a line like HTTP/1.1 200 OK.
func statusOf(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) < 2 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, fmt.Errorf("no HTTP answer: %.40q", line)
	}
	return strconv.Atoi(string(fields[1]))
}
