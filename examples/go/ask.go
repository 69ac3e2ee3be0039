// ask.go: one question to a raft-key-value cluster, from node to node, to the leader (docs/clients.md).
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

var (
	errRefused = errors.New("refused") // nothing was done
	errUnknown = errors.New("the write may or may not have happened")
)

// What may have been done all the same, unless the node says that it did nothing.
var open = map[codes.Code]bool{codes.Unavailable: true, codes.Canceled: true, codes.DeadlineExceeded: true,
	codes.Aborted: true, codes.Internal: true, codes.Unknown: true, codes.DataLoss: true}

type raw struct{} // messages are bytes

func (raw) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = append([]byte{}, data...); return nil }
func (raw) Name() string                       { return "proto" }

// connected is false if there is no connection within a second: then nothing was sent.
func connected(ctx context.Context, conn *grpc.ClientConn) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn.Connect()
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		if state == connectivity.TransientFailure || !conn.WaitForStateChange(ctx, state) {
			return false
		}
	}
	return true
}

// ask sends bytes to AppService/method and gives bytes back. read: a level, and the question may be asked twice.
func ask(nodes []string, method string, request []byte, read string) (answer []byte, err error) {
	end, leader := time.Now().Add(10*time.Second), ""
	err = fmt.Errorf("%w: no node answers", errRefused)
	for turn := 0; time.Now().Before(end); turn++ {
		node, limit, ctx, told := nodes[turn%len(nodes)], end, context.Background(), metadata.MD{}
		if leader != "" {
			node, leader = leader, ""
		}
		if read != "" { // another node can answer as well
			ctx, limit = metadata.AppendToOutgoingContext(ctx, "rkv-read", read), time.Now().Add(2*time.Second)
		}
		conn, failure := grpc.NewClient(node, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
		if failure != nil {
			return nil, fmt.Errorf("%w: %s: %w", errRefused, node, failure)
		}
		ctx, cancel := context.WithDeadline(ctx, limit)
		sent := connected(ctx, conn)
		if sent {
			failure = conn.Invoke(ctx, "/openraftpb.AppService/"+method, request, &answer, grpc.Trailer(&told),
				grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(1<<30))
		}
		conn.Close()
		cancel()
		if sent && failure == nil {
			return answer, nil
		}
		if sent {
			code, named := status.Code(failure), told["x-openraft-leader-endpoint"]
			nothing := code == codes.ResourceExhausted || len(named) > 0 || len(told["rkv-refused"]) > 0
			err = fmt.Errorf("%w: %s: %w", errRefused, node, failure)
			if !nothing && !open[code] {
				return nil, err
			} else if !nothing && read == "" {
				return nil, fmt.Errorf("%w: %s: %w", errUnknown, node, failure)
			} else if len(named) > 0 {
				leader = named[0]
				continue
			}
		}
		time.Sleep(100 * time.Millisecond) // nobody there, an election, a full queue
	}
	return nil, err
}
