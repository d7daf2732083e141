// A real grpc-go server: lab.Greeter, the kitchen, health and reflection. Takes name=value arguments
// (tests/lab/interop/__init__.py says which), prints its port as JSON, and ends when its standard input does.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const greeter = "lab.Greeter"

type behaviour func(ctx context.Context, request *dynamicpb.Message) (string, error)

var behaviours = map[protoreflect.Name]behaviour{"SayHello": sayHello, "Slow": slow, "Fail": fail}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "calls" {
		makeCalls()
		return
	}
	options := map[string]string{}
	for _, argument := range os.Args[1:] {
		name, value, _ := strings.Cut(argument, "=")
		options[name] = value
	}
	server := grpc.NewServer(serverOptions(options)...)
	server.RegisterService(describe(options["descriptors"]), nil)
	if options["kitchen"] != "" {
		serveKitchen(server, options["kitchen"])
	}
	if options["health"] != "" {
		service := health.NewServer()
		serving := healthpb.HealthCheckResponse_ServingStatus(healthpb.HealthCheckResponse_ServingStatus_value[options["health"]])
		service.SetServingStatus("", serving)
		service.SetServingStatus(greeter, serving)
		healthpb.RegisterHealthServer(server, service)
	}
	switch options["reflection"] {
	case "v1":
		reflection.RegisterV1(server)
	case "v1alpha":
		// grpc-go has no call for v1alpha alone: it is what servers older than 1.54 have.
		reflection.Register(withoutReflectionV1{server})
	case "both":
		reflection.Register(server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	must(server.Serve(listener))
}

func serverOptions(options map[string]string) []grpc.ServerOption {
	var chosen []grpc.ServerOption
	if options["cert"] != "" {
		pair, err := tls.LoadX509KeyPair(options["cert"], options["key"])
		must(err)
		config := &tls.Config{Certificates: []tls.Certificate{pair}}
		if options["client_ca"] != "" {
			config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
			pem, err := os.ReadFile(options["client_ca"])
			must(err)
			config.ClientCAs.AppendCertsFromPEM(pem)
		}
		if options["tls"] == "1.2" {
			config.MaxVersion = tls.VersionTLS12
		}
		chosen = append(chosen, grpc.Creds(credentials.NewTLS(config)))
	}
	if options["streams"] != "" {
		limit, err := strconv.ParseUint(options["streams"], 10, 32)
		must(err)
		chosen = append(chosen, grpc.MaxConcurrentStreams(uint32(limit)))
	}
	return chosen
}

type withoutReflectionV1 struct{ *grpc.Server }

func (s withoutReflectionV1) RegisterService(service *grpc.ServiceDesc, implementation any) {
	if !strings.HasPrefix(service.ServiceName, "grpc.reflection.v1.") {
		s.Server.RegisterService(service, implementation)
	}
}

// describe registers a FileDescriptorSet (base64), so that reflection serves it, and returns lab.Greeter for a server.
func describe(descriptors string) *grpc.ServiceDesc {
	raw, err := base64.StdEncoding.DecodeString(descriptors)
	must(err)
	set := &descriptorpb.FileDescriptorSet{}
	must(proto.Unmarshal(raw, set))
	file, err := protodesc.NewFile(set.File[0], protoregistry.GlobalFiles)
	must(err)
	must(protoregistry.GlobalFiles.RegisterFile(file))
	service := &grpc.ServiceDesc{ServiceName: greeter, HandlerType: (*any)(nil), Metadata: file.Path()}
	methods := file.Services().ByName("Greeter").Methods()
	for name, behave := range behaviours {
		service.Methods = append(service.Methods, method(methods.ByName(name), behave))
	}
	return service
}

func method(described protoreflect.MethodDescriptor, behave behaviour) grpc.MethodDesc {
	handler := func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		request := dynamicpb.NewMessage(described.Input())
		if err := decode(request); err != nil {
			return nil, err
		}
		text, err := behave(ctx, request)
		if err != nil {
			return nil, err
		}
		reply := dynamicpb.NewMessage(described.Output())
		reply.Set(described.Output().Fields().ByName("message"), protoreflect.ValueOfString(text))
		return reply, nil
	}
	return grpc.MethodDesc{MethodName: string(described.Name()), Handler: handler}
}

func field(message *dynamicpb.Message, name protoreflect.Name) protoreflect.Value {
	return message.Get(message.Descriptor().Fields().ByName(name))
}

func sayHello(_ context.Context, request *dynamicpb.Message) (string, error) {
	name := field(request, "name").String()
	if name == "" {
		name = "world"
	}
	return "Hello, " + name + "!", nil
}

func slow(ctx context.Context, request *dynamicpb.Message) (string, error) {
	seconds := field(request, "seconds").Float()
	if seconds == 0 {
		seconds = 5
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(time.Duration(math.Round(seconds * float64(time.Second)))):
		return "Sorry for the delay", nil
	}
}

// fail answers with the asked status. A negative code panics, which ends the whole process: grpc-go recovers nothing.
func fail(_ context.Context, request *dynamicpb.Message) (string, error) {
	code, message := field(request, "code").Int(), field(request, "message").String()
	if code < 0 {
		panic("as you asked")
	}
	if code == 0 {
		code = int64(codes.Internal)
	}
	return "", status.Error(codes.Code(code), message)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
