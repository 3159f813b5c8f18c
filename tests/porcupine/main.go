// Checks histories of Recount (docs/evidence/history.md) with Porcupine, by authors of neither: is there an order of
// the calls on each stream that explains every answer and agrees with the times? Not a part of the product; shares
// no code with it.
//
// With -plant each history is first made wrong at one place, and it is an error when that is not found.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

// How long the search in one history may take; it is exponential in calls that overlap.
const searchMax = 2 * time.Minute

type command struct {
	Key      string  `json:"key"`
	Stream   *string `json:"stream"`
	Expected *uint64 `json:"expected"`
	Adds     uint64  `json:"adds"`
}

type read struct {
	Stream string `json:"stream"`
}

type accepted struct {
	Stream  string   `json:"stream"`
	Version uint64   `json:"version"`
	Events  []string `json:"events"`
}

type line struct {
	Call    uint64 `json:"call"`
	Process int    `json:"process"`
	At      int64  `json:"at"`
	Is      struct {
		Invoke *struct {
			Command *command `json:"command"`
			Read    *read    `json:"read"`
		} `json:"invoke"`
		Ok      json.RawMessage `json:"ok"`
		Fail    *string         `json:"fail"`
		Unknown *string         `json:"unknown"`
	} `json:"is"`
}

type kind int

const (
	unknown kind = iota
	wasAccepted
	wasRefused
	conflict
	version
)

// What a call was answered.
type told struct {
	kind    kind
	stream  string
	version uint64
	// Empty: not known.
	events string
	rule   string
}

// A call, or a read when there is no command.
type asked struct {
	stream  string
	command *command
}

// What a stream is: its version, and what each key was answered.
type state struct {
	version uint64
	answers map[string]told
}

func (s state) with(key string, answer told, version uint64) state {
	answers := make(map[string]told, len(s.answers)+1)
	for key, answer := range s.answers {
		answers[key] = answer
	}
	answers[key] = answer
	return state{version, answers}
}

// Whether a repetition may be answered so, when the first was answered (or would have been) so.
func (t told) repeats(first told) bool {
	same := t.kind == first.kind && t.version == first.version && t.rule == first.rule
	return same && (t.events == first.events || t.events == "" || first.events == "")
}

func step(s state, in asked, out told) (bool, state) {
	if in.command == nil {
		return out.kind == unknown || out.version == s.version, s
	}
	c := in.command
	if known, there := s.answers[c.Key]; there {
		return out.kind == unknown || out.repeats(known), s
	}
	fits := c.Expected == nil || *c.Expected == s.version
	next := s.version + c.Adds
	switch out.kind {
	case wasAccepted:
		return fits && out.version == next, s.with(c.Key, out, next)
	case wasRefused:
		return true, s.with(c.Key, out, s.version)
	case conflict:
		return !fits, s
	default:
		if !fits {
			return true, s
		}
		return true, s.with(c.Key, told{kind: wasAccepted, version: next}, next)
	}
}

var model = porcupine.Model{
	Init: func() interface{} { return state{} },
	Step: func(s, in, out interface{}) (bool, interface{}) {
		return step(s.(state), in.(asked), out.(told))
	},
	Equal: func(a, b interface{}) bool {
		one, other := a.(state), b.(state)
		if one.version != other.version || len(one.answers) != len(other.answers) {
			return false
		}
		for key, answer := range one.answers {
			if found, there := other.answers[key]; !there || found != answer {
				return false
			}
		}
		return true
	},
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		streams := map[string][]porcupine.Operation{}
		for _, operation := range history {
			stream := operation.Input.(asked).stream
			streams[stream] = append(streams[stream], operation)
		}
		all := make([][]porcupine.Operation, 0, len(streams))
		for _, operations := range streams {
			all = append(all, operations)
		}
		return all
	},
}

func toldBy(raw json.RawMessage) (told, error) {
	var word string
	if json.Unmarshal(raw, &word) == nil && word == "conflict" {
		return told{kind: conflict}, nil
	}
	var ok struct {
		Accepted *accepted                  `json:"accepted"`
		Refused  map[string]json.RawMessage `json:"refused"`
		Version  *uint64                    `json:"version"`
	}
	if err := json.Unmarshal(raw, &ok); err != nil {
		return told{}, err
	}
	switch {
	case ok.Accepted != nil:
		it := ok.Accepted
		return told{kind: wasAccepted, stream: it.Stream, version: it.Version, events: fmt.Sprint(it.Events)}, nil
	case ok.Refused != nil:
		return told{kind: wasRefused, rule: fmt.Sprint(ok.Refused)}, nil
	case ok.Version != nil:
		return told{kind: version, version: *ok.Version}, nil
	}
	return told{}, fmt.Errorf("%s is no answer", raw)
}

// Reads a history; calls that concern no stream are left out.
func load(path string) ([]porcupine.Operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	begun := map[uint64]line{}
	ended := map[uint64]line{}
	var order []uint64
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for number := 1; lines.Scan(); number++ {
		var it line
		if err := json.Unmarshal(lines.Bytes(), &it); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		}
		if it.Is.Invoke != nil {
			begun[it.Call] = it
			order = append(order, it.Call)
		} else {
			ended[it.Call] = it
		}
	}
	var operations []porcupine.Operation
	for client, call := range order {
		first, last := begun[call], ended[call]
		if last.Is.Fail != nil {
			continue
		}
		out := told{}
		until := int64(math.MaxInt64)
		if last.Is.Ok != nil {
			if out, err = toldBy(last.Is.Ok); err != nil {
				return nil, err
			}
			until = last.At
		}
		in := asked{command: first.Is.Invoke.Command}
		switch {
		case in.command == nil && out.kind == unknown:
			continue
		case in.command == nil:
			in.stream = first.Is.Invoke.Read.Stream
		case in.command.Stream != nil:
			in.stream = *in.command.Stream
		case out.stream != "":
			in.stream = out.stream
		default:
			continue
		}
		operations = append(operations, porcupine.Operation{ClientId: client, Input: in, Call: first.At, Output: out, Return: until})
	}
	return operations, lines.Err()
}

// Makes one answer in the middle wrong: a version that another command has.
func plant(operations []porcupine.Operation) bool {
	for at := len(operations) / 2; at < len(operations); at++ {
		out := operations[at].Output.(told)
		if out.kind == wasAccepted && out.version > 1 {
			out.version--
			operations[at].Output = out
			return true
		}
	}
	return false
}

func main() {
	planted := flag.Bool("plant", false, "make each history wrong at one place, which must be found")
	flag.Parse()
	failed := flag.NArg() == 0
	for _, path := range flag.Args() {
		operations, err := load(path)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		if *planted && !plant(operations) {
			fmt.Printf("%s: no place to plant\n", path)
			failed = true
			continue
		}
		began := time.Now()
		result := porcupine.CheckOperationsTimeout(model, operations, searchMax)
		streams := len(model.Partition(operations))
		fmt.Printf("%s: %d calls on %d streams, %s, %.1f s\n", path, len(operations), streams, result, time.Since(began).Seconds())
		want := porcupine.Ok
		if *planted {
			want = porcupine.Illegal
		}
		failed = failed || result != want
	}
	if failed {
		os.Exit(1)
	}
}
