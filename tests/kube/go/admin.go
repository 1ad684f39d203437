// SPDX-License-Identifier: Apache-2.0
package main

import (
	"encoding/json"
	"net/http"
	"sort"
)

// admin steers the proxy, by HTTP on its socket:
//
//	POST /rules   [fault, ...]   in place of those that wait
//	POST /random  random | null  in place of what was
//	POST /strike  fault          now, to all live watches that match; says how many took it
//	POST /away    true | false   while true, connections are reset as they come; those that are there are reset too
//	GET  /stats                  what has happened so far
func (p *proxy) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /rules", func(w http.ResponseWriter, r *http.Request) {
		var rules []fault
		if decode(w, r, &rules) && known(w, rules...) {
			p.plan.setRules(rules)
		}
	})
	mux.HandleFunc("POST /random", func(w http.ResponseWriter, r *http.Request) {
		var plan *random
		if decode(w, r, &plan) {
			p.plan.setRandom(plan)
		}
	})
	mux.HandleFunc("POST /strike", func(w http.ResponseWriter, r *http.Request) {
		var f fault
		if decode(w, r, &f) && known(w, f) {
			answer(w, map[string]int{"struck": p.strikeAll(&f)})
		}
	})
	mux.HandleFunc("POST /away", func(w http.ResponseWriter, r *http.Request) {
		var away bool
		if decode(w, r, &away) {
			p.away.Store(away)
			if away {
				p.resetAll()
			}
		}
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, r *http.Request) { answer(w, p.tell()) })
	return mux
}

func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func known(w http.ResponseWriter, all ...fault) bool {
	for _, f := range all {
		if _, ok := faults[f.Fault]; !ok {
			http.Error(w, "there is no fault "+f.Fault, http.StatusBadRequest)
			return false
		}
	}
	return true
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (p *proxy) strikeAll(f *fault) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []*stream
	for s := range p.streams {
		if f.matches(s.r) {
			found = append(found, s)
		}
	}
	if f.Want != 0 && len(found) != f.Want {
		return 0
	}
	n := 0
	for _, s := range found {
		if s.send(f) {
			n++
		}
	}
	return n
}

func (p *proxy) resetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		reset(c.raw.Conn)
	}
}

func (p *proxy) tell() map[string]any {
	p.mu.Lock()
	conns, streams := len(p.conns), len(p.streams)
	p.mu.Unlock()
	p.stats.mu.Lock()
	defer p.stats.mu.Unlock()
	struck := map[string]int{}
	for name, n := range p.stats.struck {
		struck[name] = n
	}
	return map[string]any{"connections": p.stats.connections.Load(), "requests": p.stats.requests.Load(),
		"lists": p.stats.lists.Load(), "watches": p.stats.watches.Load(), "bytes": p.stats.bytes.Load(),
		"live_connections": conns, "live_watches": streams, "waiting": p.plan.left(), "struck": struck}
}

func faultNames() []string {
	var names []string
	for name := range faults {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
