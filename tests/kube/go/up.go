// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// What `kfix up` is told. The PKI is a folder as `kfix pki` makes it.
type upFlags struct {
	dir, bind, advertise, serviceCIDR, podCIDR, controllers, apiserverArgs, pki, kubeconfig string
	port, etcdPort                                                                          int
	scheduler                                                                               bool
}

func parseUp(args []string) upFlags {
	var f upFlags
	fs := flag.NewFlagSet("up", flag.ExitOnError)
	fs.StringVar(&f.dir, "dir", "kfix-data", "folder of etcd's data; kept, it is the same cluster again")
	fs.StringVar(&f.bind, "bind", "127.0.0.1", "address that the API server listens on")
	fs.StringVar(&f.advertise, "advertise", "", "address that it advertises (that of --bind)")
	fs.IntVar(&f.port, "port", 6443, "its port")
	fs.IntVar(&f.etcdPort, "etcd-port", 12379, "etcd's port on loopback; its peers' is the next one")
	fs.StringVar(&f.serviceCIDR, "svc-cidr", "10.96.0.0/16", "range of Services")
	fs.StringVar(&f.podCIDR, "pod-cidr", "10.244.0.0/16", "range of Pods, which node-ipam-controller deals out")
	fs.StringVar(&f.controllers, "controllers", "", "--controllers of kube-controller-manager; empty: it does not run")
	fs.StringVar(&f.apiserverArgs, "apiserver-args", "", "more flags of kube-apiserver, separated by blanks")
	fs.StringVar(&f.pki, "pki", "", "folder of the certificates")
	fs.StringVar(&f.kubeconfig, "kubeconfig", "", "admin's kubeconfig, for the other components")
	fs.BoolVar(&f.scheduler, "scheduler", false, "run kube-scheduler")
	_ = fs.Parse(args)
	if f.advertise == "" {
		f.advertise = f.bind
	}
	return f
}

// up runs etcd and kube-apiserver in this process, controller-manager and scheduler as children: each component sets
// feature gates, logging and signal handlers of the whole process, so that only one has room in it. Prints "ready" when the
// API server is. Ends when one of them ends; the children die with it.
func up(args []string) error {
	f := parseUp(args)
	began := time.Now()
	etcd, endpoint, err := startEtcd(&f)
	if err != nil {
		return err
	}
	defer etcd.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	server := apiserver.NewAPIServerCommand() // installs the one signal handler of this process
	server.SetArgs(apiserverFlags(&f, endpoint))
	ended := make(chan error, 3)
	go func() { ended <- server.ExecuteContext(ctx) }()
	ready := make(chan error, 1)
	go func() { ready <- waitReady(ctx, &f) }()
	select {
	case err = <-ready:
	case err = <-ended:
		err = fmt.Errorf("ended early: %v", err)
	}
	if err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	fmt.Printf("ready after %.1f s\n", time.Since(began).Seconds())
	startChildren(ctx, &f, ended)
	select {
	case err := <-ended:
		if ctx.Err() == nil {
			return err
		}
	case <-ctx.Done():
		time.Sleep(300 * time.Millisecond)
	}
	return nil
}

func startEtcd(f *upFlags) (*embed.Etcd, string, error) {
	local := func(port int) url.URL { return url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)} }
	c := embed.NewConfig()
	c.Name, c.Dir, c.LogLevel, c.UnsafeNoFsync = "kfix", filepath.Join(f.dir, "etcd"), "error", true
	c.WatchProgressNotifyInterval = 5 * time.Second // as kubeadm has it: versions of quiet kinds move on
	c.ListenClientUrls = []url.URL{local(f.etcdPort)}
	c.ListenPeerUrls = []url.URL{local(f.etcdPort + 1)}
	c.AdvertiseClientUrls, c.AdvertisePeerUrls = c.ListenClientUrls, c.ListenPeerUrls
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	etcd, err := embed.StartEtcd(c)
	if err != nil {
		return nil, "", fmt.Errorf("etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, c.ListenClientUrls[0].String(), nil
	case <-time.After(60 * time.Second):
		etcd.Close()
		return nil, "", errors.New("etcd: not ready in 60 s")
	}
}

func (f *upFlags) file(name string) string { return filepath.Join(f.pki, name) }

func apiserverFlags(f *upFlags, etcd string) []string {
	flags := []string{
		"--etcd-servers=" + etcd,
		"--bind-address=" + f.bind,
		"--advertise-address=" + f.advertise,
		fmt.Sprintf("--secure-port=%d", f.port),
		"--tls-cert-file=" + f.file("apiserver.crt"),
		"--tls-private-key-file=" + f.file("apiserver.key"),
		"--client-ca-file=" + f.file("ca.crt"),
		"--authorization-mode=Node,RBAC",
		"--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + f.file("sa.pub"),
		"--service-account-signing-key-file=" + f.file("sa.key"),
		"--service-cluster-ip-range=" + f.serviceCIDR,
		"--kubelet-certificate-authority=" + f.file("ca.crt"),
		"--kubelet-client-certificate=" + f.file("apiserver-kubelet-client.crt"),
		"--kubelet-client-key=" + f.file("apiserver-kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP,Hostname",
		"--requestheader-client-ca-file=" + f.file("front-proxy-ca.crt"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + f.file("front-proxy-client.crt"),
		"--proxy-client-key-file=" + f.file("front-proxy-client.key"),
		"--profiling=false",
	}
	return append(flags, strings.Fields(f.apiserverArgs)...)
}

// waitReady asks /readyz, which anybody may, until it says yes.
func waitReady(ctx context.Context, f *upFlags) error {
	pem, err := os.ReadFile(f.file("ca.crt"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	client := &http.Client{Timeout: 3 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	at := fmt.Sprintf("https://%s/readyz", joinPort(f.bind, f.port))
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if answer, err := client.Get(at); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
	return errors.New("not ready in 3 minutes")
}

func startChildren(ctx context.Context, f *upFlags, ended chan<- error) {
	if f.controllers != "" {
		go func() {
			ended <- child(ctx, "kube-controller-manager", "--kubeconfig="+f.kubeconfig, "--leader-elect=false",
				"--controllers="+f.controllers, "--bind-address=127.0.0.1", "--secure-port=0",
				"--service-account-private-key-file="+f.file("sa.key"), "--root-ca-file="+f.file("ca.crt"),
				"--cluster-signing-cert-file="+f.file("ca.crt"), "--cluster-signing-key-file="+f.file("ca.key"),
				"--allocate-node-cidrs=true", "--cluster-cidr="+f.podCIDR, "--service-cluster-ip-range="+f.serviceCIDR)
		}()
	}
	if f.scheduler {
		go func() {
			ended <- child(ctx, "kube-scheduler", "--kubeconfig="+f.kubeconfig, "--leader-elect=false",
				"--bind-address=127.0.0.1", "--secure-port=0")
		}()
	}
}

// child runs this binary as the named component until it ends; it dies with this process.
func child(ctx context.Context, name string, args ...string) error {
	runtime.LockOSThread() // the signal at a parent's death follows the thread that started the child
	c := exec.CommandContext(ctx, "/proc/self/exe", args...)
	c.Args[0], c.Stdout, c.Stderr = name, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return fmt.Errorf("%s ended", name)
}
