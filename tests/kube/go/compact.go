// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// compact has etcd forget every state but the newest: what an API server does at its --etcd-compaction-interval, at once.
func compact(args []string) error {
	fs := flag.NewFlagSet("compact", flag.ExitOnError)
	endpoint := fs.String("etcd", "127.0.0.1:12379", "etcd's address")
	_ = fs.Parse(args)
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{*endpoint}, DialTimeout: 5 * time.Second})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	newest, err := client.Get(ctx, "/", clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return err
	}
	// Where API servers look up what has been forgotten, and then forget it in their own memory too.
	if _, err := client.Put(ctx, "compact_rev_key", fmt.Sprint(newest.Header.Revision)); err != nil {
		return err
	}
	if _, err := client.Compact(ctx, newest.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		return err
	}
	fmt.Println(newest.Header.Revision)
	return nil
}
