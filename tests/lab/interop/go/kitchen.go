package main

import (
	"encoding/json"
	"io"
	"os"
	"sort"
	"strings"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// plan is kitchen.v1.Plan without its notes, which need not be understood.
type plan struct {
	Repeat      int
	Headers     []header
	Trailers    []header
	Failure     struct{ Code int }
	Compression string
	Seconds     float64
	Characters  int
	notes       []protoreflect.Message
	status      *spb.Status
}

type header struct {
	Name   string
	Text   string
	Binary []byte
}

// The kinds of methods of kitchen.v1.Script; what any other method is asked is what it answers.
var scripts = map[protoreflect.FullName]func(protoreflect.MethodDescriptor, grpc.ServerStream) error{
	"kitchen.v1.Script.Unary":        unaryScript,
	"kitchen.v1.Script.ServerStream": streamScript,
	"kitchen.v1.Script.ClientStream": gatherScript,
	"kitchen.v1.Script.BidiStream":   streamScript,
	"kitchen.v1.Script.Metadata":     tellMetadata,
}

// serveKitchen registers kitchen.v1.Echo and kitchen.v1.Script of a FileDescriptorSet, so that reflection knows it all.
func serveKitchen(server *grpc.Server, path string) {
	raw, err := os.ReadFile(path)
	must(err)
	set := &descriptorpb.FileDescriptorSet{}
	must(proto.Unmarshal(raw, set))
	for _, described := range set.File {
		if _, err := protoregistry.GlobalFiles.FindFileByPath(described.GetName()); err == nil {
			continue // linked into this program
		}
		file, err := protodesc.NewFile(described, protoregistry.GlobalFiles)
		must(err)
		must(protoregistry.GlobalFiles.RegisterFile(file))
		registerExtensions(file)
	}
	for _, name := range []protoreflect.FullName{"kitchen.v1.Echo", "kitchen.v1.Script"} {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
		must(err)
		server.RegisterService(kitchenService(found.(protoreflect.ServiceDescriptor)), nil)
	}
}

// registerExtensions takes what has extensions: a file, or a message.
func registerExtensions(scope interface {
	Extensions() protoreflect.ExtensionDescriptors
	Messages() protoreflect.MessageDescriptors
}) {
	for i := range scope.Extensions().Len() {
		must(protoregistry.GlobalTypes.RegisterExtension(dynamicpb.NewExtensionType(scope.Extensions().Get(i))))
	}
	for i := range scope.Messages().Len() {
		registerExtensions(scope.Messages().Get(i))
	}
}

func kitchenService(described protoreflect.ServiceDescriptor) *grpc.ServiceDesc {
	service := &grpc.ServiceDesc{
		ServiceName: string(described.FullName()), HandlerType: (*any)(nil), Metadata: described.ParentFile().Path(),
	}
	for i := range described.Methods().Len() {
		method := described.Methods().Get(i)
		script, scripted := scripts[method.FullName()]
		if !scripted {
			script = echo
		}
		service.Streams = append(service.Streams, grpc.StreamDesc{
			StreamName:    string(method.Name()),
			Handler:       func(_ any, stream grpc.ServerStream) error { return script(method, stream) },
			ClientStreams: true, // a unary method is one whose streams have one message each
			ServerStreams: true,
		})
	}
	return service
}

func echo(method protoreflect.MethodDescriptor, stream grpc.ServerStream) error {
	for {
		message := dynamicpb.NewMessage(method.Input())
		if err := stream.RecvMsg(message); err != nil {
			return ended(err)
		}
		if err := stream.SendMsg(message); err != nil {
			return err
		}
	}
}

func unaryScript(method protoreflect.MethodDescriptor, stream grpc.ServerStream) error {
	asked, err := receivePlan(method, stream)
	if err != nil {
		return err
	}
	if err := asked.begin(stream); err != nil {
		return err
	}
	if err := asked.end(stream); err != nil {
		return err
	}
	for _, note := range asked.answers(method.Output()) {
		return stream.SendMsg(note.Interface())
	}
	return stream.SendMsg(dynamicpb.NewMessage(method.Output()))
}

func streamScript(method protoreflect.MethodDescriptor, stream grpc.ServerStream) error {
	for first := true; ; first = false {
		asked, err := receivePlan(method, stream)
		if err != nil {
			return ended(err)
		}
		if first {
			if err := asked.begin(stream); err != nil {
				return err
			}
		}
		for _, note := range asked.answers(method.Output()) {
			if err := stream.SendMsg(note.Interface()); err != nil {
				return err
			}
		}
		if err := asked.end(stream); err != nil {
			return err
		}
	}
}

// gatherScript answers all notes in one; the last plan tells the headers and the status.
func gatherScript(method protoreflect.MethodDescriptor, stream grpc.ServerStream) error {
	var last *plan
	var texts []string
	count := 0
	for ; ; count++ {
		asked, err := receivePlan(method, stream)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		for _, note := range asked.notes {
			texts = append(texts, note.Get(note.Descriptor().Fields().ByName("text")).String())
		}
		last = asked
	}
	if last != nil {
		if err := last.begin(stream); err != nil {
			return err
		}
		if err := last.end(stream); err != nil {
			return err
		}
	}
	note := dynamicpb.NewMessage(method.Output())
	set(note, "text", protoreflect.ValueOfString(strings.Join(texts, ", ")))
	set(note, "number", protoreflect.ValueOfInt32(int32(count)))
	return stream.SendMsg(note)
}

// tellMetadata answers with the metadata whose names start with x-, by name.
func tellMetadata(method protoreflect.MethodDescriptor, stream grpc.ServerStream) error {
	if err := stream.RecvMsg(dynamicpb.NewMessage(method.Input())); err != nil {
		return err
	}
	given, _ := metadata.FromIncomingContext(stream.Context())
	var names []string
	for name := range given {
		if strings.HasPrefix(name, "x-") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	received := dynamicpb.NewMessage(method.Output())
	headers := received.Mutable(method.Output().Fields().ByName("headers")).List()
	for _, name := range names {
		for _, value := range given[name] {
			told := headers.AppendMutable().Message()
			set(told, "name", protoreflect.ValueOfString(name))
			if strings.HasSuffix(name, "-bin") {
				set(told, "binary", protoreflect.ValueOfBytes([]byte(value)))
			} else {
				set(told, "text", protoreflect.ValueOfString(value))
			}
		}
	}
	return stream.SendMsg(received)
}

func receivePlan(method protoreflect.MethodDescriptor, stream grpc.ServerStream) (*plan, error) {
	message := dynamicpb.NewMessage(method.Input())
	if err := stream.RecvMsg(message); err != nil {
		return nil, err
	}
	asked := &plan{status: &spb.Status{}}
	notes := message.Get(method.Input().Fields().ByName("notes")).List()
	for i := range notes.Len() {
		asked.notes = append(asked.notes, notes.Get(i).Message())
	}
	message.Clear(method.Input().Fields().ByName("notes"))
	failure := field(message, "failure").Message()
	raw, err := proto.Marshal(failure.Interface())
	must(err)
	must(proto.Unmarshal(raw, asked.status)) // a Failure has the numbers and types of a google.rpc.Status
	if message.Has(method.Input().Fields().ByName("failure")) {
		failure.Clear(failure.Descriptor().Fields().ByName("details")) // JSON would ask for their types
	}
	raw, err = protojson.Marshal(message)
	must(err)
	must(json.Unmarshal(raw, asked))
	return asked, nil
}

// begin waits, and chooses compression and headers.
func (p *plan) begin(stream grpc.ServerStream) error {
	select {
	case <-stream.Context().Done():
		return stream.Context().Err()
	case <-time.After(time.Duration(p.Seconds * float64(time.Second))):
	}
	if p.Compression != "" {
		if err := grpc.SetSendCompressor(stream.Context(), p.Compression); err != nil {
			return err
		}
	}
	if len(p.Headers) > 0 {
		return stream.SendHeader(pairs(p.Headers))
	}
	return nil
}

// end sets the trailers; an error is the status that was asked for.
func (p *plan) end(stream grpc.ServerStream) error {
	stream.SetTrailer(pairs(p.Trailers))
	if p.Failure.Code == 0 {
		return nil
	}
	return status.FromProto(p.status).Err()
}

func (p *plan) answers(note protoreflect.MessageDescriptor) []protoreflect.Message {
	var all []protoreflect.Message
	for range max(p.Repeat, 1) {
		all = append(all, p.notes...)
	}
	if p.Characters > 0 {
		long := dynamicpb.NewMessage(note)
		set(long, "text", protoreflect.ValueOfString(strings.Repeat("x", p.Characters)))
		all = append(all, long)
	}
	return all
}

func pairs(headers []header) metadata.MD {
	made := metadata.MD{}
	for _, each := range headers {
		if strings.HasSuffix(each.Name, "-bin") {
			made.Append(each.Name, string(each.Binary))
		} else {
			made.Append(each.Name, each.Text)
		}
	}
	return made
}

func set(message protoreflect.Message, name protoreflect.Name, value protoreflect.Value) {
	message.Set(message.Descriptor().Fields().ByName(name), value)
}

// ended tells the end of the requests from a fault.
func ended(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
