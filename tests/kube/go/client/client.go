// SPDX-License-Identifier: Apache-2.0
// Package client is what our commands share: how to reach an API server, and what a process has used.
package client

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const protobuf = "application/vnd.kubernetes.protobuf"

// New is a client without a limit of its own; with `binary` it speaks protobuf, as components of a cluster do.
func New(kubeconfig string, binary bool) (*kubernetes.Clientset, error) {
	if err := Require(map[string]string{"kubeconfig": kubeconfig}); err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.ContentConfig = rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"}
	if binary {
		config.ContentConfig = rest.ContentConfig{ContentType: protobuf, AcceptContentTypes: protobuf + ",application/json"}
	}
	config.QPS, config.Burst = -1, -1
	return kubernetes.NewForConfig(config)
}

// CPUSeconds is what this process has used, of user and system time.
func CPUSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

// MemoryKiB reads a line such as VmHWM (the peak) or VmRSS of this process.
func MemoryKiB(field string) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kib, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kib
		}
	}
	return 0
}

// Require says which of the flags, by name, has no value.
func Require(values map[string]string) error {
	for name, value := range values {
		if value == "" {
			return fmt.Errorf("--%s is missing", name)
		}
	}
	return nil
}
