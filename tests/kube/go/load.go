// SPDX-License-Identifier: Apache-2.0
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	networking "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"seine.dev/tests/kube/client"
)

// loadMain creates the objects of a JSON List, Pods and Nodes with their status, many at a time; what is there already stays.
// Namespaces are there before what lies in them.
func loadMain(args []string) error {
	fs := flag.NewFlagSet("load", flag.ExitOnError)
	kubeconfig := fs.String("kubeconfig", "", "how to reach the API server")
	world := fs.String("world", "-", "file with a List of objects as JSON; -: standard input")
	workers := fs.Int("workers", 16, "how many requests at a time")
	_ = fs.Parse(args)
	server, err := client.New(*kubeconfig, true)
	if err != nil {
		return err
	}
	items, err := readList(*world)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, namespaces := range []bool{true, false} {
		if err := createAll(server, items, *workers, namespaces); err != nil {
			return err
		}
	}
	fmt.Printf("%d objects in %.1f s\n", len(items), time.Since(began).Seconds())
	return nil
}

// An object of the List: its kind, and its own text.
type item struct {
	kind string
	text []byte
}

func readList(file string) ([]item, error) {
	in := io.Reader(os.Stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.NewDecoder(bufio.NewReaderSize(in, 1<<20)).Decode(&list); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	items := make([]item, 0, len(list.Items))
	for _, text := range list.Items {
		var kind meta.TypeMeta
		if err := json.Unmarshal(text, &kind); err != nil {
			return nil, err
		}
		items = append(items, item{kind.Kind, text})
	}
	return items, nil
}

func createAll(server *kubernetes.Clientset, items []item, workers int, namespaces bool) error {
	work := make(chan item)
	failed := make(chan error, workers)
	var all sync.WaitGroup
	for range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			for it := range work {
				if err := create(server, it); err != nil && !apierrors.IsAlreadyExists(err) {
					select {
					case failed <- err:
					default:
					}
				}
			}
		}()
	}
	for _, it := range items {
		if (it.kind == "Namespace") == namespaces {
			work <- it
		}
	}
	close(work)
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func create(server *kubernetes.Clientset, it item) error {
	var err error
	switch it.kind {
	case "Pod":
		return createPod(server, it.text)
	case "Node":
		return createNode(server, it.text)
	case "Namespace":
		var o core.Namespace
		if err = json.Unmarshal(it.text, &o); err == nil {
			_, err = server.CoreV1().Namespaces().Create(context.Background(), &o, meta.CreateOptions{})
		}
	case "NetworkPolicy":
		var o networking.NetworkPolicy
		if err = json.Unmarshal(it.text, &o); err == nil {
			_, err = server.NetworkingV1().NetworkPolicies(o.Namespace).Create(context.Background(), &o, meta.CreateOptions{})
		}
	case "Service":
		var o core.Service
		if err = json.Unmarshal(it.text, &o); err == nil {
			_, err = server.CoreV1().Services(o.Namespace).Create(context.Background(), &o, meta.CreateOptions{})
		}
	case "EndpointSlice":
		var o discovery.EndpointSlice
		if err = json.Unmarshal(it.text, &o); err == nil {
			_, err = server.DiscoveryV1().EndpointSlices(o.Namespace).Create(context.Background(), &o, meta.CreateOptions{})
		}
	default:
		err = fmt.Errorf("load knows no %s", it.kind)
	}
	return err
}

// The API server drops the status of what is created: it takes a second request, as from a kubelet.
func createPod(server *kubernetes.Clientset, text []byte) error {
	var o core.Pod
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	pods := server.CoreV1().Pods(o.Namespace)
	made, err := pods.Create(context.Background(), &o, meta.CreateOptions{})
	if err != nil || o.Status.Phase == "" {
		return err
	}
	made.Status = o.Status
	_, err = pods.UpdateStatus(context.Background(), made, meta.UpdateOptions{})
	return err
}

func createNode(server *kubernetes.Clientset, text []byte) error {
	var o core.Node
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	nodes := server.CoreV1().Nodes()
	made, err := nodes.Create(context.Background(), &o, meta.CreateOptions{})
	if err != nil || len(o.Status.Addresses) == 0 {
		return err
	}
	made.Status = o.Status
	_, err = nodes.UpdateStatus(context.Background(), made, meta.UpdateOptions{})
	return err
}
