// A real grpc-go client: makes each call of the JSON list on standard input, and prints what it says of each as JSON.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
)

type call struct {
	Name, Address, Method, Authority string
	TLS                              bool
	CA                               string
	Seconds                          float64
}

// raw takes messages as bytes: a client of everything needs no types.
type raw struct{}

func (raw) Name() string { return "proto" }
func (raw) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*message.(*[]byte))}, nil
}
func (raw) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

func makeCalls() {
	var calls []call
	must(json.NewDecoder(os.Stdin).Decode(&calls))
	said := map[string]string{}
	var lock sync.Mutex
	var all sync.WaitGroup
	for _, one := range calls {
		all.Add(1)
		go func() {
			defer all.Done()
			text := make1(one)
			lock.Lock()
			defer lock.Unlock()
			said[one.Name] = text
		}()
	}
	all.Wait()
	must(json.NewEncoder(os.Stdout).Encode(said))
}

// make1 makes one call and returns the error as grpc-go prints it; nothing where it went well.
func make1(one call) string {
	secure := insecure.NewCredentials()
	if one.TLS {
		config := &tls.Config{RootCAs: x509.NewCertPool()}
		pem, err := os.ReadFile(one.CA)
		must(err)
		config.RootCAs.AppendCertsFromPEM(pem)
		secure = credentials.NewTLS(config)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(secure)}
	if one.Authority != "" {
		options = append(options, grpc.WithAuthority(one.Authority))
	}
	connection, err := grpc.NewClient("passthrough:///"+one.Address, options...)
	must(err)
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(one.Seconds*float64(time.Second)))
	defer cancel()
	request, reply := []byte{}, []byte{}
	if err := connection.Invoke(ctx, one.Method, &request, &reply, grpc.ForceCodecV2(raw{})); err != nil {
		return err.Error()
	}
	return ""
}
