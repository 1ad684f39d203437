// SPDX-License-Identifier: Apache-2.0

// Command kfix holds the Kubernetes parts that Seine's tests run against, in one binary.
//
//	kfix up FLAGS          etcd and kube-apiserver in this process, the other components as its children (up.go)
//	kfix pki FLAGS         the certificates of a cluster (pki.go)
//	kfix proxy FLAGS       a proxy that injects faults, in front of an API server (proxy.go)
//	kfix load FLAGS        creates a world of objects, fast (load.go)
//	kfix compact FLAGS     has etcd forget old states (compact.go)
//	kfix churn FLAGS       updates Pods at a rate (churn.go)
//	kfix kube-apiserver|kube-controller-manager|kube-scheduler|kube-proxy|kubelet|kubectl FLAGS
//	                       the component itself; a link to kfix by that name does the same
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// Our own commands: each gets its arguments, and an error ends the program with 1.
var commands = map[string]func(args []string) error{
	"up":      up,
	"pki":     pki,
	"proxy":   proxyMain,
	"load":    loadMain,
	"churn":   churnMain,
	"compact": compact,
}

var components = map[string]func() int{
	"kube-apiserver":          func() int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int { return cli.Run(controllers.NewControllerManagerCommand()) },
	"kube-scheduler":          func() int { return cli.Run(scheduler.NewSchedulerCommand()) },
	"kube-proxy":              func() int { return cli.Run(kubeproxy.NewProxyCommand()) },
	"kubelet":                 func() int { return cli.Run(kubelet.NewKubeletCommand(context.Background())) },
	"kubectl":                 runKubectl,
}

func runKubectl() int {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
	return 0
}

func main() {
	name := filepath.Base(os.Args[0])
	if name == "kfix" && len(os.Args) > 1 {
		name, os.Args = os.Args[1], os.Args[1:]
	}
	if component, ok := components[name]; ok {
		os.Exit(component())
	}
	command, ok := commands[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "usage: kfix up|pki|proxy|load|churn|compact|COMPONENT FLAGS, see main.go")
		os.Exit(2)
	}
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "kfix %s: %v\n", name, err)
		os.Exit(1)
	}
}
