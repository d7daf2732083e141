// A connect-go server that speaks Connect, gRPC-Web and gRPC over HTTP/1.1 and HTTP/2, in clear or (cert=, key=) over
// TLS. Every method takes a StringValue that says what to do:
//
//	say TEXT          answers with TEXT; Stream with each word of it, Collect with all texts joined, Chat at once
//	size N            answers with N letters
//	fail CODE TEXT    ends with this code (a number) and message, and a detail
//	wait              answers after a minute
//
// It prints its port and ends when its standard input does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type text = wrapperspb.StringValue

func do(ctx context.Context, asked string) (string, error) {
	verb, rest, _ := strings.Cut(asked, " ")
	switch verb {
	case "size":
		size, _ := strconv.Atoi(rest)
		return strings.Repeat("x", size), nil
	case "fail":
		number, words, _ := strings.Cut(rest, " ")
		code, _ := strconv.Atoi(number)
		failed := connect.NewError(connect.Code(code), errors.New(words))
		if detail, err := connect.NewErrorDetail(durationpb.New(time.Second)); err == nil {
			failed.AddDetail(detail)
		}
		failed.Meta().Set("x-trailer", "of an error")
		return "", failed
	case "wait":
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
		return "", ctx.Err()
	}
	return rest, nil
}

func unary(ctx context.Context, request *connect.Request[text]) (*connect.Response[text], error) {
	said, err := do(ctx, request.Msg.Value)
	if err != nil {
		return nil, err
	}
	response := connect.NewResponse(wrapperspb.String(said))
	response.Header().Set("x-seen", request.Header().Get("x-sent"))
	response.Header().Set("x-protocol", request.Peer().Protocol)
	response.Trailer().Set("x-trailer", "of an answer")
	return response, nil
}

func stream(ctx context.Context, request *connect.Request[text], out *connect.ServerStream[text]) error {
	out.ResponseHeader().Set("x-seen", request.Header().Get("x-sent"))
	out.ResponseTrailer().Set("x-trailer", "of a stream")
	said, err := do(ctx, request.Msg.Value)
	if err != nil {
		return err
	}
	for _, word := range strings.Fields(said) {
		if err := out.Send(wrapperspb.String(word)); err != nil {
			return err
		}
	}
	return nil
}

func collect(ctx context.Context, in *connect.ClientStream[text]) (*connect.Response[text], error) {
	var texts []string
	for in.Receive() {
		said, err := do(ctx, in.Msg().Value)
		if err != nil {
			return nil, err
		}
		texts = append(texts, said)
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	response := connect.NewResponse(wrapperspb.String(strings.Join(texts, "+")))
	response.Header().Set("x-seen", in.RequestHeader().Get("x-sent"))
	response.Header().Set("x-protocol", in.Peer().Protocol)
	response.Trailer().Set("x-trailer", "of a collection")
	return response, nil
}

func chat(ctx context.Context, both *connect.BidiStream[text, text]) error {
	both.ResponseHeader().Set("x-seen", both.RequestHeader().Get("x-sent"))
	both.ResponseTrailer().Set("x-trailer", "of a chat")
	for {
		asked, err := both.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		said, err := do(ctx, asked.Value)
		if err != nil {
			return err
		}
		if err := both.Send(wrapperspb.String(said)); err != nil {
			return err
		}
	}
}

func main() {
	given := map[string]string{}
	for _, argument := range os.Args[1:] {
		name, value, _ := strings.Cut(argument, "=")
		given[name] = value
	}
	handlers := http.NewServeMux()
	handlers.Handle("/lab.v1.Web/Unary", connect.NewUnaryHandler("/lab.v1.Web/Unary", unary))
	handlers.Handle("/lab.v1.Web/Stream", connect.NewServerStreamHandler("/lab.v1.Web/Stream", stream))
	handlers.Handle("/lab.v1.Web/Collect", connect.NewClientStreamHandler("/lab.v1.Web/Collect", collect))
	handlers.Handle("/lab.v1.Web/Chat", connect.NewBidiStreamHandler("/lab.v1.Web/Chat", chat))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server := &http.Server{Handler: handlers, Protocols: protocols}
	go func() {
		if given["cert"] != "" {
			err = server.ServeTLS(listener, given["cert"], given["key"])
		} else {
			err = server.Serve(listener)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin)
}
