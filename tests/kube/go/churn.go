// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"seine.dev/tests/kube/client"
)

// A Pod by its name, and how often it was changed.
type churned struct {
	namespace, name string
	n               int
}

// churnMain patches Pods in turn, --rate times a second for --seconds. "status" is what kubelets send all day: a condition of the
// Pod's status, nothing that a network agent acts on. "label" changes the label `churn`.
func churnMain(args []string) error {
	fs := flag.NewFlagSet("churn", flag.ExitOnError)
	kubeconfig := fs.String("kubeconfig", "", "how to reach the API server")
	rate := fs.Float64("rate", 300, "patches a second")
	seconds := fs.Float64("seconds", 10, "for how long")
	what := fs.String("what", "status", "status or label")
	workers := fs.Int("workers", 16, "how many requests at a time")
	_ = fs.Parse(args)
	server, err := client.New(*kubeconfig, true)
	if err != nil {
		return err
	}
	list, err := server.CoreV1().Pods("").List(context.Background(), meta.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return err
	}
	if len(list.Items) == 0 {
		return fmt.Errorf("there are no Pods")
	}
	pods := make([]churned, len(list.Items))
	for i := range list.Items {
		pods[i] = churned{list.Items[i].Namespace, list.Items[i].Name, 0}
	}
	list = nil

	began := time.Now()
	sent, failed := churn(server, pods, *what, *rate, *seconds, *workers)
	took := time.Since(began).Seconds()
	fmt.Printf("{\"sent\": %d, \"failed\": %d, \"seconds\": %.2f, \"rate\": %.1f}\n", sent, failed, took, float64(sent)/took)
	return nil
}

func churn(server *kubernetes.Clientset, pods []churned, what string, rate, seconds float64, workers int) (int, int64) {
	work := make(chan churned)
	var failed atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			for p := range work {
				if patch(server, p, what) != nil {
					failed.Add(1)
				}
			}
		}()
	}
	began, sent := time.Now(), 0
	for time.Since(began).Seconds() < seconds {
		for due := int(time.Since(began).Seconds() * rate); sent < due && time.Since(began).Seconds() < seconds; sent++ {
			p := &pods[sent%len(pods)]
			p.n++
			work <- *p
		}
		time.Sleep(2 * time.Millisecond)
	}
	close(work)
	all.Wait()
	return sent, failed.Load()
}

func patch(server *kubernetes.Clientset, p churned, what string) error {
	body, sub := fmt.Sprintf(`{"metadata":{"labels":{"churn":"%d"}}}`, p.n), []string{}
	if what == "status" {
		at := time.Now().UTC().Format(time.RFC3339)
		body = fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":"%s","lastProbeTime":null,"lastTransitionTime":"%s",`+
			`"message":"probe %d"}]}}`, []string{"True", "False"}[p.n%2], at, p.n)
		sub = append(sub, "status")
	}
	_, err := server.CoreV1().Pods(p.namespace).Patch(context.Background(), p.name, types.StrategicMergePatchType, []byte(body),
		meta.PatchOptions{}, sub...)
	return err
}
