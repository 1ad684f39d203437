// SPDX-License-Identifier: Apache-2.0
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/net/http2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// An answer under way. Its goroutine alone writes; strikes reach it by a channel.
type stream struct {
	p       *proxy
	c       *plainConn
	w       http.ResponseWriter
	r       *http.Request
	plan    *fault // may be nil: what happens after plan.After bytes
	strikes chan *fault
	passed  int
	proto   bool          // the answer is Protobuf
	single  int           // bytes that still go out alone
	pause   time.Duration // between them
	mute    bool
	swallow bool // nothing passes any more
}

var errEnded = fmt.Errorf("ended by a fault") // in good order

func (s *stream) send(f *fault) bool {
	select {
	case s.strikes <- f:
		return true
	default: // it has one to come
		return false
	}
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "no connection", 500)
}

func (p *proxy) handle(w http.ResponseWriter, r *http.Request, c *plainConn) {
	p.stats.requests.Add(1)
	if !isWatch(r) {
		p.stats.lists.Add(1)
	}
	f := p.plan.take(r, c.h2)
	if f != nil && faults[f.Fault]&atRequest != 0 {
		p.stats.count(f.Fault)
		if !p.atRequest(f, w, r, c) {
			return
		}
		f = nil
	}
	answer, err := p.ask(r)
	if err != nil {
		if r.Context().Err() == nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", r.URL, err)
			http.Error(w, "upstream: "+err.Error(), http.StatusBadGateway)
		}
		return
	}
	defer answer.Body.Close()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	flush(w)
	s := &stream{p: p, c: c, w: w, r: r, plan: f, strikes: make(chan *fault, 1)}
	s.proto = isProtobuf(answer.Header)
	if isWatch(r) && answer.StatusCode == http.StatusOK {
		p.stats.watches.Add(1)
		s.watch(answer.Body)
	} else {
		s.copy(answer.Body)
	}
}

func isProtobuf(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), runtime.ContentTypeProtobuf)
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

func (p *proxy) ask(r *http.Request) (*http.Response, error) {
	u := *r.URL
	u.Scheme, u.Host = p.upstream.Scheme, p.upstream.Host
	q, err := http.NewRequestWithContext(r.Context(), r.Method, u.String(), r.Body)
	if err != nil {
		return nil, err
	}
	q.Header, q.ContentLength = r.Header.Clone(), r.ContentLength
	return p.client.Do(q)
}

// atRequest does a fault of the request; true: the API server is asked all the same.
func (p *proxy) atRequest(f *fault, w http.ResponseWriter, r *http.Request, c *plainConn) bool {
	switch f.Fault {
	case "delay":
		select {
		case <-time.After(time.Duration(f.Ms) * time.Millisecond):
			return true
		case <-r.Context().Done():
		}
	case "hang":
		s := stream{p: p, c: c, w: w, r: r}
		s.stall(f.Ms)
	case "status":
		if f.Retry != "" {
			w.Header().Set("Retry-After", f.Retry)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(f.Status)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"by a fault","code":%d}`, f.Status)
	case "html":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><body>Please log in.</body></html>")
	case "drop":
		reset(c.raw.Conn)
	case "refuse":
		c.inject(goAway(0, http2.ErrCodeNo))
		time.Sleep(5 * time.Millisecond)
		c.Close()
	case "badgzip":
		p.halfGzip(w, r)
	}
	return false
}

func (p *proxy) halfGzip(w http.ResponseWriter, r *http.Request) {
	r.Header.Del("Accept-Encoding")
	answer, err := p.ask(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	var whole bytes.Buffer
	z := gzip.NewWriter(&whole)
	_, _ = io.Copy(z, answer.Body)
	_ = z.Close()
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(whole.Bytes()[:whole.Len()/2])
}

// copy passes on the body of anything but a watch.
func (s *stream) copy(body io.Reader) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 && s.write(buffer[:n]) != nil {
			return
		}
		if err == io.EOF {
			if s.swallow {
				s.stall(0)
			}
			return
		} else if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// watch passes on a watch event by event, and takes strikes meanwhile.
func (s *stream) watch(body io.Reader) {
	s.p.mu.Lock()
	s.p.streams[s] = true
	s.p.mu.Unlock()
	defer func() {
		s.p.mu.Lock()
		delete(s.p.streams, s)
		s.p.mu.Unlock()
	}()
	events := make(chan []byte)
	go s.readEvents(body, events)
	for {
		var err error
		select {
		case event, more := <-events:
			if !more && s.swallow {
				s.stall(0)
				return
			} else if !more {
				return
			}
			if !s.mute || !bytes.Contains(event[:min(len(event), 24)], []byte("BOOKMARK")) {
				err = s.write(event)
			}
		case f := <-s.strikes:
			err = s.strike(f)
		case <-s.r.Context().Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// eventEnd is the length of the first event, a line of JSON or a frame of Protobuf, or 0 if it is not there in full.
func (s *stream) eventEnd(b []byte) int {
	if !s.proto {
		return bytes.IndexByte(b, '\n') + 1
	}
	if len(b) >= 4 && len(b)-4 >= int(binary.BigEndian.Uint32(b)) {
		return 4 + int(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (s *stream) readEvents(body io.Reader, events chan<- []byte) {
	defer close(events)
	var rest []byte
	buffer := make([]byte, 16<<10)
	for {
		n, err := body.Read(buffer)
		rest = append(rest, buffer[:n]...)
		for {
			end := s.eventEnd(rest)
			if end == 0 {
				break
			}
			event := append([]byte(nil), rest[:end]...)
			rest = rest[end:]
			select {
			case events <- event:
			case <-s.r.Context().Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// write passes on bytes, with the planned fault where it is due.
func (s *stream) write(b []byte) error {
	s.p.stats.bytes.Add(int64(len(b)))
	if f := s.plan; f != nil && s.passed+len(b) > f.After {
		n := max(f.After-s.passed, 0)
		if err := s.put(b[:n]); err != nil {
			return err
		}
		s.plan, b = nil, b[n:]
		if err := s.strike(f); err != nil {
			return err
		}
	}
	return s.put(b)
}

func (s *stream) put(b []byte) error {
	s.passed += len(b)
	if s.swallow {
		return nil
	}
	for s.single > 0 && len(b) > 0 {
		if _, err := s.w.Write(b[:1]); err != nil {
			return err
		}
		flush(s.w)
		time.Sleep(s.pause)
		b = b[1:]
		s.single--
	}
	if len(b) == 0 {
		return nil
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	flush(s.w)
	return nil
}

// strike does a fault to the answer under way; an error ends it.
func (s *stream) strike(f *fault) error {
	s.p.stats.count(f.Fault)
	switch f.Fault {
	case "reset":
		panic(http.ErrAbortHandler)
	case "cut":
		reset(s.c.raw.Conn)
		return errEnded
	case "fin":
		s.c.raw.halfClose()
		s.vanish(f.Ms)
	case "vanish":
		s.vanish(f.Ms)
	case "noise":
		s.c.raw.junk.Store(true)
		return s.put([]byte("\n"))
	case "frame":
		return s.noiseFrame()
	case "garbage":
		return s.put([]byte("\x00\x01\xff\xfe\x02}\x00]\x03"))
	case "stall":
		s.stall(f.Ms)
		panic(http.ErrAbortHandler)
	case "swallow":
		s.swallow = true
	case "end":
		return errEnded
	case "pieces":
		s.c.split(2000)
	case "bytes":
		s.single, s.pause = 1000, 0
	case "trickle":
		s.single, s.pause = 300, time.Millisecond
	case "goaway":
		s.c.inject(goAway(1<<31-1, http2.ErrCodeNo))
	case "calm":
		s.c.inject(goAway(1<<31-1, http2.ErrCodeEnhanceYourCalm))
		time.Sleep(time.Millisecond)
		s.c.Close()
		return errEnded
	case "expired":
		return s.event(410, "Expired")
	case "error":
		return s.event(500, "InternalError")
	case "mute":
		s.mute = true
	}
	return nil
}

// vanish lets nothing pass on the connection any more, and resets it after a while, if one is given.
func (s *stream) vanish(ms int) {
	raw := s.c.raw
	raw.swallow.Store(true)
	if ms > 0 {
		time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { reset(raw.Conn) })
	}
}

func (s *stream) stall(ms int) {
	var over <-chan time.Time
	if ms > 0 {
		over = time.After(time.Duration(ms) * time.Millisecond)
	}
	select {
	case <-over:
	case <-s.r.Context().Done():
	}
}

func (s *stream) noiseFrame() error {
	noise := make([]byte, 64)
	rand.Read(noise)
	if s.c.h2 {
		noise[0] = 0 // a length that is allowed, so that it is read as a frame
	}
	s.c.inject(noise)
	if !s.c.h2 {
		_, _ = s.c.Write(noise)
	}
	return s.put([]byte("\n"))
}

func (s *stream) event(code int, reason string) error {
	status := metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
		Message: strings.ToLower(reason) + ", by a fault", Reason: metav1.StatusReason(reason), Code: int32(code)}
	event, err := s.encode(&status)
	if err != nil {
		return err
	}
	if err := s.put(event); err != nil {
		return err
	}
	return errEnded
}

// encode makes an ERROR event in the encoding of the answer.
func (s *stream) encode(status *metav1.Status) ([]byte, error) {
	if !s.proto {
		raw, err := json.Marshal(status)
		return []byte(fmt.Sprintf(`{"type":"ERROR","object":%s}`+"\n", raw)), err
	}
	raw, err := status.Marshal()
	if err != nil {
		return nil, err
	}
	unknown := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "v1", Kind: "Status"}, Raw: raw}
	if raw, err = unknown.Marshal(); err != nil {
		return nil, err
	}
	event := metav1.WatchEvent{Type: "ERROR", Object: runtime.RawExtension{Raw: append([]byte("k8s\x00"), raw...)}}
	if raw, err = event.Marshal(); err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...), nil
}
