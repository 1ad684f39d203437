// SPDX-License-Identifier: Apache-2.0
package main

import (
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// When a fault strikes.
const (
	atRequest = 1 << iota // before the API server is asked
	atBody                // after some bytes of the answer's body
	atWatch               // the same, of a watch only
	atStrike              // at any moment, on a live connection or watch
	only2                 // HTTP/2 alone
	onGzip                // for clients that take gzip, of whole answers
)

// The faults. Those of requests: handle() in bodies.go; those of bodies and watches: stream.strike().
var faults = map[string]int{
	"delay":   atRequest,                           // the answer begins late
	"hang":    atRequest,                           // it never begins
	"status":  atRequest,                           // another status: 401, 403, 409, 410, 429, 500, 502, 503, 504
	"html":    atRequest,                           // 200 with a page in HTML
	"drop":    atRequest,                           // the connection is reset instead of an answer
	"refuse":  atRequest | only2,                   // GOAWAY that names no stream as looked at
	"badgzip": atRequest | onGzip,                  // gzip that ends in its middle
	"reset":   atBody | atWatch | atStrike,         // the stream is reset (the connection, in HTTP/1.1)
	"cut":     atBody | atWatch | atStrike,         // the connection is reset
	"fin":     atBody | atWatch | atStrike,         // half-closed, below TLS: it neither ends nor goes on
	"vanish":  atBody | atWatch | atStrike,         // nothing passes any more, nothing is closed
	"noise":   atBody | atWatch | atStrike,         // noise in place of a TLS record
	"frame":   atBody | atWatch | atStrike,         // noise in place of an HTTP/2 frame or in the chunked text
	"garbage": atBody | atWatch | atStrike,         // bytes that neither JSON nor Protobuf has, in the body
	"stall":   atBody | atWatch | atStrike,         // this answer alone stops for a while and is reset then
	"swallow": atBody | atWatch | atStrike,         // of this answer alone nothing comes any more, not even its end
	"end":     atBody | atWatch | atStrike,         // ends early, in good order
	"pieces":  atBody | atWatch | atStrike,         // a TLS record for each byte
	"bytes":   atBody | atWatch,                    // a write for each byte of the body
	"trickle": atBody | atWatch,                    // the same, slowly
	"goaway":  atBody | atWatch | atStrike | only2, // GOAWAY; what is under way goes on
	"calm":    atBody | atWatch | atStrike | only2, // GOAWAY with ENHANCE_YOUR_CALM, and closed
	"expired": atWatch | atStrike,                  // ERROR event: 410 Expired
	"error":   atWatch | atStrike,                  // ERROR event: 500
	"mute":    atWatch,                             // bookmarks do not come
}

// A fault with its particulars, and to which requests it happens.
type fault struct {
	Fault  string `json:"fault"`
	Path   string `json:"path"`  // part of path and query; "": all
	Watch  *bool  `json:"watch"` // only watches, or only others
	Count  int    `json:"count"` // to how many requests; 0: 1, below: always
	After  int    `json:"after"` // bytes of the body that come before
	Ms     int    `json:"ms"`    // of delay, stall; vanish is reset after it, never if 0
	Status int    `json:"status"`
	Retry  string `json:"retry"` // Retry-After
	Want   int    `json:"want"`  // of a strike: none, unless just so many watches match; 0: any number
}

func (f *fault) matches(r *http.Request) bool {
	return strings.Contains(r.URL.RequestURI(), f.Path) && (f.Watch == nil || *f.Watch == isWatch(r))
}

func isWatch(r *http.Request) bool {
	w := r.URL.Query().Get("watch")
	return w == "1" || w == "true"
}

// Random faults: the same seed draws the same faults in the same order; which request meets which is up to the clients.
type random struct {
	Seed     int64    `json:"seed"`
	Rate     float64  `json:"rate"`      // share of requests that meet one
	StrikeMs int      `json:"strike_ms"` // mean time between strikes; 0: none
	Ms       int      `json:"ms"`        // longest delay, stall, vanish
	Kinds    []string `json:"kinds"`     // empty: all
}

// What is to happen: faults by rule first, then at random.
type plan struct {
	mu     sync.Mutex
	rules  []fault
	random *random
	rnd    *rand.Rand
	kinds  []string // those of `random`, sorted
	wake   chan struct{}
}

func (p *plan) init() { p.wake = make(chan struct{}, 1) }

func (p *plan) setRules(rules []fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range rules {
		if rules[i].Count == 0 {
			rules[i].Count = 1
		}
	}
	p.rules = rules
}

func (p *plan) setRandom(r *random) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.random, p.kinds = r, nil
	if r != nil {
		p.rnd = rand.New(rand.NewSource(r.Seed))
		for _, name := range faultNames() {
			if len(r.Kinds) == 0 || contains(r.Kinds, name) {
				p.kinds = append(p.kinds, name)
			}
		}
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// left counts the requests that rules still wait for.
func (p *plan) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, f := range p.rules {
		n += max(f.Count, 0)
	}
	return n
}

// take says what happens to a request, or nil.
func (p *plan) take(r *http.Request, h2 bool) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.rules {
		f := &p.rules[i]
		if f.Count != 0 && f.matches(r) {
			if f.Count > 0 {
				f.Count--
			}
			found := *f
			return &found
		}
	}
	if p.random == nil || p.rnd.Float64() >= p.random.Rate {
		return nil
	}
	when := atRequest | atBody
	if isWatch(r) {
		when = atRequest | atWatch
	}
	return p.draw(when, h2, strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && !isWatch(r))
}

func (p *plan) draw(when int, h2, gzip bool) *fault {
	var fit []string
	for _, name := range p.kinds {
		w := faults[name]
		if w&when != 0 && (h2 || w&only2 == 0) && (gzip || w&onGzip == 0) {
			fit = append(fit, name)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	f := &fault{Fault: fit[p.rnd.Intn(len(fit))], Ms: 1 + p.rnd.Intn(max(p.random.Ms, 1)), After: p.rnd.Intn(1 << p.rnd.Intn(18))}
	if f.Fault == "status" {
		all := []int{401, 403, 409, 410, 429, 500, 502, 503, 504}
		f.Status = all[p.rnd.Intn(len(all))]
		if p.rnd.Intn(4) == 0 {
			f.Retry = []string{"0", "1", "Mon, 02 Jan 2006 15:04:05 GMT", "-3", "soon"}[p.rnd.Intn(5)]
		}
	}
	return f
}

// strikeAtRandom strikes live connections and watches while a random plan asks for it.
func (p *proxy) strikeAtRandom() {
	for {
		p.plan.mu.Lock()
		pause := time.Hour
		if r := p.plan.random; r != nil && r.StrikeMs > 0 {
			pause = time.Duration(p.plan.rnd.ExpFloat64() * float64(r.StrikeMs) * 1e6)
		}
		p.plan.mu.Unlock()
		select {
		case <-p.plan.wake:
			continue
		case <-time.After(pause):
		}
		if s := p.anyStream(); s != nil {
			p.plan.mu.Lock()
			var f *fault
			if p.plan.random != nil {
				f = p.plan.draw(atStrike, s.c.h2, false)
			}
			p.plan.mu.Unlock()
			if f != nil {
				s.send(f)
			}
		}
	}
}

// anyStream is one of the live watches, by the map's own order.
func (p *proxy) anyStream() *stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.streams {
		return s
	}
	return nil
}

// How often each fault has struck, and what passed.
type stats struct {
	connections, requests, lists, watches, bytes atomic.Int64 // watches: those that began
	mu                                           sync.Mutex
	struck                                       map[string]int
}

func (s *stats) count(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.struck == nil {
		s.struck = map[string]int{}
	}
	s.struck[name]++
}
