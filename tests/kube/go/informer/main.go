// SPDX-License-Identifier: Apache-2.0
// Command informer runs client-go's shared informers on the kinds that an agent reads: the peer that Seine's own client is measured
// against, a program of its own so that it costs what it needs and no more. It prints "baseline" before it asks for anything, "synced"
// when every kind is whole, and after that a line each --every until it gets SIGTERM or SIGINT.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"seine.dev/tests/kube/client"
)

// What the informer tells of itself, a line of JSON each time.
type informerReport struct {
	Event   string           `json:"event"` // baseline, synced, tick, end
	Seconds float64          `json:"seconds"`
	CPU     float64          `json:"cpu_seconds"`
	PeakKiB int              `json:"peak_kib"`
	NowKiB  int              `json:"now_kib"`
	Objects map[string]int   `json:"objects,omitempty"`
	Added   map[string]int64 `json:"added,omitempty"`
	Updated map[string]int64 `json:"updated,omitempty"`
	Deleted map[string]int64 `json:"deleted,omitempty"`
}

type eventCounts struct{ added, updated, deleted atomic.Int64 }

func (c *eventCounts) handler() cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.added.Add(1) },
		UpdateFunc: func(any, any) { c.updated.Add(1) },
		DeleteFunc: func(any) { c.deleted.Add(1) },
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "informer: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	binary := flag.Bool("protobuf", false, "objects as protobuf, not as JSON")
	every := flag.Duration("every", 0, "print a line this often; 0: none but the last")
	services := flag.Bool("services", true, "Services and EndpointSlices too")
	flag.Parse()
	server, err := client.New(*kubeconfig, *binary)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(server, 0)
	shared := map[string]cache.SharedIndexInformer{
		"Pod":           factory.Core().V1().Pods().Informer(),
		"Namespace":     factory.Core().V1().Namespaces().Informer(),
		"Node":          factory.Core().V1().Nodes().Informer(),
		"NetworkPolicy": factory.Networking().V1().NetworkPolicies().Informer(),
	}
	if *services {
		shared["Service"] = factory.Core().V1().Services().Informer()
		shared["EndpointSlice"] = factory.Discovery().V1().EndpointSlices().Informer()
	}
	counts := map[string]*eventCounts{}
	for kind, informer := range shared {
		counts[kind] = &eventCounts{}
		if _, err := informer.AddEventHandler(counts[kind].handler()); err != nil {
			return err
		}
	}
	stop := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() { <-signals; close(stop) }()

	began := time.Now()
	tell := func(event string) { report(event, began, shared, counts) }
	tell("baseline")
	factory.Start(stop)
	for !allSynced(shared) { // client-go's own way looks ten times a second only
		time.Sleep(2 * time.Millisecond)
	}
	tell("synced")
	runUntil(stop, *every, tell)
	return nil
}

func allSynced(shared map[string]cache.SharedIndexInformer) bool {
	for _, informer := range shared {
		if !informer.HasSynced() {
			return false
		}
	}
	return true
}

func runUntil(stop <-chan struct{}, every time.Duration, tell func(string)) {
	var ticks <-chan time.Time
	if every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-ticks:
			tell("tick")
		case <-stop:
			tell("end")
			return
		}
	}
}

func report(event string, began time.Time, shared map[string]cache.SharedIndexInformer, counts map[string]*eventCounts) {
	r := informerReport{Event: event, Seconds: time.Since(began).Seconds(), CPU: client.CPUSeconds(),
		PeakKiB: client.MemoryKiB("VmHWM"), NowKiB: client.MemoryKiB("VmRSS"),
		Objects: map[string]int{}, Added: map[string]int64{}, Updated: map[string]int64{}, Deleted: map[string]int64{}}
	for kind, informer := range shared {
		r.Objects[kind] = len(informer.GetStore().ListKeys())
		r.Added[kind], r.Updated[kind] = counts[kind].added.Load(), counts[kind].updated.Load()
		r.Deleted[kind] = counts[kind].deleted.Load()
	}
	line, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
