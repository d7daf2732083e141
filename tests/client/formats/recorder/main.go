// Records what grpcurl's own code makes of messages and requests: one question a line on stdin, one answer a line on
// stdout, both JSON. ../record.py asks it.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fullstorydev/grpcurl"
	"github.com/golang/protobuf/proto"
	"github.com/jhump/protoreflect/desc"
	"github.com/jhump/protoreflect/dynamic"
	// The command links it in, and so knows the types that come with it.
	_ "google.golang.org/grpc/xds"
	protov2 "google.golang.org/protobuf/proto"
)

type question struct {
	Do, Type, Data, Request, Format string
	Defaults                        bool
}

type answer struct {
	Result string `json:"result"`
	Error  string `json:"error"`
}

func main() {
	source, err := grpcurl.DescriptorSourceFromProtoSets(os.Args[1])
	if err != nil {
		panic(err)
	}
	var extensions dynamic.ExtensionRegistry
	files, err := grpcurl.GetAllFiles(source)
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		extensions.AddExtensionsFromFile(file)
	}
	messages := dynamic.NewMessageFactoryWithExtensionRegistry(&extensions)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	answers := json.NewEncoder(os.Stdout)
	answers.SetEscapeHTML(false)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		result, err := answerTo(source, messages, asked)
		given := answer{Result: result}
		if err != nil {
			given.Error = err.Error()
		}
		if err := answers.Encode(given); err != nil {
			panic(err)
		}
	}
}

func answerTo(source grpcurl.DescriptorSource, messages *dynamic.MessageFactory, asked question) (string, error) {
	found, err := source.FindSymbol(asked.Type)
	if err != nil {
		return "", err
	}
	descriptor := found.(*desc.MessageDescriptor)
	message := messages.NewMessage(descriptor)
	options := grpcurl.FormatOptions{EmitJSONDefaultFields: asked.Defaults}
	input := bytes.NewReader([]byte(asked.Request))
	parser, format, err := grpcurl.RequestParserAndFormatter(grpcurl.Format(asked.Format), source, input, options)
	if err != nil {
		return "", err
	}
	switch asked.Do {
	case "print":
		data, err := hex.DecodeString(asked.Data)
		if err != nil {
			return "", err
		}
		if err := proto.Unmarshal(data, message); err != nil {
			return "", err
		}
		return format(message)
	case "template":
		return format(grpcurl.MakeTemplate(descriptor))
	case "read":
		if err := parser.Next(message); err != nil {
			return "", err
		}
		data, err := serialized(message)
		return hex.EncodeToString(data), err
	}
	return "", fmt.Errorf("nobody knows how to %q", asked.Do)
}

func serialized(message proto.Message) ([]byte, error) {
	if own, ok := message.(*dynamic.Message); ok {
		return own.MarshalDeterministic()
	}
	return protov2.MarshalOptions{Deterministic: true}.Marshal(proto.MessageV2(message))
}
