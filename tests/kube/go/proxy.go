// SPDX-License-Identifier: Apache-2.0
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/http2"

	"seine.dev/tests/kube/client"
)

// A proxy that stands in front of an API server, ends TLS with a certificate that its clients trust, and does to them what networks,
// load balancers and API servers do on bad days (the table in faults.go). Tokens pass through; client certificates do not.
//
// A connection has three layers, each of which can be struck: the raw one (below TLS), the plain one (HTTP/2 frames or HTTP/1.1
// bytes), and requests with their bodies.
type proxy struct {
	upstream *url.URL
	client   *http.Client
	tls      *tls.Config
	h1       *http.Server
	h2       *http2.Server
	plan     plan
	stats    stats

	mu      sync.Mutex
	conns   map[*plainConn]bool
	streams map[*stream]bool
	away    atomic.Bool // connections are closed as they come
}

func proxyMain(args []string) error {
	fs := flag.NewFlagSet("proxy", flag.ExitOnError)
	listen := fs.String("listen", "127.0.0.1:0", "address of the clients")
	upstream := fs.String("upstream", "", "https://HOST:PORT of the API server")
	dir := fs.String("pki", "", "folder with ca.crt and apiserver.{crt,key}")
	admin := fs.String("admin", "", "path of the socket that steers (admin.go)")
	only1 := fs.Bool("http1", false, "do not offer HTTP/2")
	_ = fs.Parse(args)
	if err := client.Require(map[string]string{"upstream": *upstream, "pki": *dir, "admin": *admin}); err != nil {
		return err
	}
	p, err := newProxy(*upstream, *dir, *only1)
	if err != nil {
		return err
	}
	clients, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	steering, err := net.Listen("unix", *admin)
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(steering, p.admin()) }()
	go p.strikeAtRandom()
	go p.accept(clients)
	fmt.Printf("listening on %s\n", clients.Addr())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	<-signals
	return nil
}

func newProxy(upstream, dir string, only1 bool) (*proxy, error) {
	to, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(dir + "/ca.crt")
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	own, err := tls.LoadX509KeyPair(dir+"/apiserver.crt", dir+"/apiserver.key")
	if err != nil {
		return nil, err
	}
	protocols := []string{"h2", "http/1.1"}
	if only1 {
		protocols = protocols[1:]
	}
	p := &proxy{upstream: to, conns: map[*plainConn]bool{}, streams: map[*stream]bool{},
		tls: &tls.Config{Certificates: []tls.Certificate{own}, NextProtos: protocols},
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true,
			DisableCompression: true}}}
	quiet := log.New(nowhere{}, "", 0) // every fault makes the servers complain
	p.h1 = &http.Server{Handler: p, ErrorLog: quiet}
	p.h2 = &http2.Server{MaxConcurrentStreams: 250}
	p.plan.init()
	return p, nil
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

func (p *proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		} else if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		p.stats.connections.Add(1)
		if p.away.Load() {
			reset(c)
			continue
		}
		go p.serve(&rawConn{Conn: c})
	}
}

func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	c.Close()
}

func (p *proxy) serve(raw *rawConn) {
	secure := tls.Server(raw, p.tls)
	_ = raw.SetDeadline(time.Now().Add(10 * time.Second))
	if secure.Handshake() != nil {
		raw.Close()
		return
	}
	_ = raw.SetDeadline(time.Time{})
	c := &plainConn{Conn: secure, raw: raw, h2: secure.ConnectionState().NegotiatedProtocol == "h2"}
	p.mu.Lock()
	p.conns[c] = true
	p.mu.Unlock()
	if p.away.Load() { // since it came
		reset(raw.Conn)
	}
	if c.h2 {
		p.h2.ServeConn(c, &http2.ServeConnOpts{BaseConfig: p.h1, Handler: handlerOf{p, c}})
	} else {
		server := &http.Server{Handler: handlerOf{p, c}, ErrorLog: p.h1.ErrorLog}
		_ = server.Serve(&oneConn{c: c, gone: make(chan struct{})})
	}
	p.forget(c)
}

func (p *proxy) forget(c *plainConn) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// handlerOf tells requests of which connection they are.
type handlerOf struct {
	p *proxy
	c *plainConn
}

func (h handlerOf) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.p.handle(w, r, h.c) }

// oneConn is a listener of one connection: how http.Server is given one.
type oneConn struct {
	c    *plainConn
	once sync.Once
	gone chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	var c net.Conn
	l.once.Do(func() { c = &closing{Conn: l.c, gone: l.gone} })
	if c != nil {
		return c, nil
	}
	<-l.gone
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.c.LocalAddr() }

type closing struct {
	net.Conn
	once sync.Once
	gone chan struct{}
}

func (c *closing) Close() error {
	c.once.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

// rawConn is the connection below TLS.
type rawConn struct {
	net.Conn
	swallow atomic.Bool // nothing passes any more, and nothing is closed
	junk    atomic.Bool // what is written next is noise
}

func (c *rawConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.swallow.Load() {
			return n, err
		}
	}
}

func (c *rawConn) Write(b []byte) (int, error) {
	if c.swallow.Load() {
		return len(b), nil
	}
	if c.junk.Swap(false) {
		noise := make([]byte, len(b))
		rand.Read(noise)
		return c.Conn.Write(noise)
	}
	return c.Conn.Write(b)
}

func (c *rawConn) halfClose() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		_ = t.CloseWrite()
	}
}

// plainConn is the connection inside TLS. Of HTTP/2 it knows where frames begin, so that others can be put between them.
type plainConn struct {
	net.Conn
	raw *rawConn
	h2  bool

	mu     sync.Mutex
	left   int    // bytes of the frame under way that are to come
	head   []byte // what has come of a frame's head
	pieces int    // bytes that still go out one in each TLS record
	queued [][]byte
}

func (c *plainConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.h2 {
		return len(b), c.out(b)
	}
	for rest := b; len(rest) > 0; {
		if c.left == 0 && len(c.head) == 0 {
			if err := c.flushQueued(); err != nil {
				return 0, err
			}
		}
		n := c.step(rest)
		if err := c.out(rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(b), nil
}

// step takes the bytes up to the end of the frame's head or of its body, whichever comes first.
func (c *plainConn) step(b []byte) int {
	const preface = 9
	if c.left == 0 {
		n := min(preface-len(c.head), len(b))
		c.head = append(c.head, b[:n]...)
		if len(c.head) == preface {
			c.left = int(c.head[0])<<16 | int(c.head[1])<<8 | int(c.head[2])
			c.head = c.head[:0]
		}
		return n
	}
	n := min(c.left, len(b))
	c.left -= n
	return n
}

func (c *plainConn) flushQueued() error {
	for _, frame := range c.queued {
		if err := c.out(frame); err != nil {
			return err
		}
	}
	c.queued = nil
	return nil
}

func (c *plainConn) out(b []byte) error {
	for c.pieces > 0 && len(b) > 0 {
		if _, err := c.Conn.Write(b[:1]); err != nil {
			return err
		}
		b = b[1:]
		c.pieces--
	}
	if len(b) == 0 {
		return nil
	}
	_, err := c.Conn.Write(b)
	return err
}

// inject puts bytes between two frames: now, or after the frame under way.
func (c *plainConn) inject(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queued = append(c.queued, b)
	if c.left == 0 && len(c.head) == 0 {
		_ = c.flushQueued()
	}
}

func (c *plainConn) split(bytes int) {
	c.mu.Lock()
	c.pieces = bytes
	c.mu.Unlock()
}

// goAway is a whole GOAWAY frame: no stream above `last` was or will be looked at.
func goAway(last uint32, code http2.ErrCode) []byte {
	b := []byte{0, 0, 8, byte(http2.FrameGoAway), 0, 0, 0, 0, 0}
	b = binary.BigEndian.AppendUint32(b, last)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}
