// SPDX-License-Identifier: Apache-2.0
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A certificate that is not there yet is made; what is there stays, but for those whose names are the caller's.
type leaf struct {
	file, ca   string
	user       string
	groups     []string
	ips, names []string
	server     bool
}

const longAgo, farAhead = -24 * time.Hour, 10 * 365 * 24 * time.Hour

// pki makes the certificates of a cluster: ca, front-proxy-ca, apiserver, apiserver-kubelet-client, front-proxy-client, admin,
// sa.{key,pub}, and more clients and nodes on demand. Keys are P-256.
//
//	kfix pki --dir D [--ips A,B] [--names X,Y] [--node NAME=IP]... [--client FILE=USER[,GROUP...]]...
func pki(args []string) error {
	var ips, names string
	var nodes, clients []string
	fs := flag.NewFlagSet("pki", flag.ExitOnError)
	dir := fs.String("dir", "pki", "folder")
	fs.StringVar(&ips, "ips", "", "addresses of the API server besides 127.0.0.1")
	fs.StringVar(&names, "names", "", "names of the API server besides its usual ones")
	fs.Func("node", "NAME=IP: kubelet-NAME.{crt,key}", func(s string) error { nodes = append(nodes, s); return nil })
	fs.Func("client", "FILE=USER[,GROUP...]", func(s string) error { clients = append(clients, s); return nil })
	_ = fs.Parse(args)

	leaves := []leaf{
		{file: "apiserver", ca: "ca", user: "kube-apiserver", server: true, ips: append(split(ips), "127.0.0.1"),
			names: append(split(names), "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
				"kubernetes.default.svc.cluster.local")},
		{file: "apiserver-kubelet-client", ca: "ca", user: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}},
		{file: "front-proxy-client", ca: "front-proxy-ca", user: "front-proxy-client"},
		{file: "admin", ca: "ca", user: "admin", groups: []string{"system:masters"}},
	}
	for _, n := range nodes {
		name, ip, _ := strings.Cut(n, "=")
		leaves = append(leaves, leaf{file: "kubelet-" + name, ca: "ca", user: "system:node:" + name, server: true,
			groups: []string{"system:nodes"}, ips: split(ip), names: []string{name}})
	}
	for _, c := range clients {
		file, who, _ := strings.Cut(c, "=")
		user := split(who)
		if len(user) == 0 {
			return fmt.Errorf("--client %s: FILE=USER[,GROUP...]", c)
		}
		leaves = append(leaves, leaf{file: file, ca: "ca", user: user[0], groups: user[1:]})
	}
	return writePKI(*dir, leaves)
}

func writePKI(dir string, leaves []leaf) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"ca", "front-proxy-ca"} {
		if err := authority(dir, name); err != nil {
			return err
		}
	}
	if err := signingKey(dir); err != nil {
		return err
	}
	for _, l := range leaves {
		if err := l.write(dir); err != nil {
			return fmt.Errorf("%s: %w", l.file, err)
		}
	}
	return nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func joinPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func template(subject pkix.Name) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err)
	}
	return &x509.Certificate{SerialNumber: serial, Subject: subject, NotBefore: time.Now().Add(longAgo),
		NotAfter: time.Now().Add(farAhead), KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true}
}

func authority(dir, name string) error {
	if _, err := os.Stat(filepath.Join(dir, name+".crt")); err == nil {
		return nil
	}
	t := template(pkix.Name{CommonName: name})
	t.IsCA, t.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign|x509.KeyUsageDigitalSignature
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return sign(filepath.Join(dir, name), t, t, key, key)
}

func (l *leaf) write(dir string) error {
	ca, caKey, err := readPair(filepath.Join(dir, l.ca))
	if err != nil {
		return err
	}
	t := template(pkix.Name{CommonName: l.user, Organization: l.groups})
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if l.server {
		t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	t.DNSNames = l.names
	for _, ip := range l.ips {
		parsed := net.ParseIP(ip)
		if parsed == nil {
			return fmt.Errorf("%q is no address", ip)
		}
		t.IPAddresses = append(t.IPAddresses, parsed)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return sign(filepath.Join(dir, l.file), t, ca, key, caKey)
}

func sign(base string, t, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, parentKey)
	if err != nil {
		return err
	}
	if err := writePEM(base+".crt", "CERTIFICATE", der); err != nil {
		return err
	}
	return writeKey(base+".key", key)
}

func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(file, "EC PRIVATE KEY", der)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

func readPair(base string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(base + ".crt")
	if err != nil {
		return nil, nil, err
	}
	keyText, err := os.ReadFile(base + ".key")
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(text)
	keyBlock, _ := pem.Decode(keyText)
	if block == nil || keyBlock == nil {
		return nil, nil, errors.New(base + ": no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	return cert, key, err
}

// signingKey makes what ServiceAccounts' tokens are signed with.
func signingKey(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "sa.key")); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(dir, "sa.pub"), "PUBLIC KEY", public); err != nil {
		return err
	}
	return writeKey(filepath.Join(dir, "sa.key"), key)
}
