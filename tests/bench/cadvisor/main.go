// Command cadvisor feeds a log to cAdvisor's OOM parser and prints how long that took, as one JSON object.
//
// The parser reads /dev/kmsg records through github.com/euank/go-kmsg-parser; here each line of the file becomes the
// Message of such a record, so that what is measured is the parser and not a device.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/euank/go-kmsg-parser/kmsgparser"
	"github.com/google/cadvisor/utils/oomparser"
)

type source struct{ messages chan kmsgparser.Message }

func (s *source) SeekEnd() error                   { return nil }
func (s *source) Parse() <-chan kmsgparser.Message { return s.messages }
func (s *source) SetLogger(kmsgparser.Logger)      {}
func (s *source) Close() error                     { return nil }

func main() {
	path := os.Args[1]
	raw := len(os.Args) > 2 && os.Args[2] == "raw"
	file, err := os.Open(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	s := &source{messages: make(chan kmsgparser.Message, 1024)}
	parser := &oomparser.OomParser{}
	// The source is a private field, set by New() to /dev/kmsg; there is no other way to feed it.
	field := reflect.ValueOf(parser).Elem().FieldByName("parser")
	reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Set(reflect.ValueOf(kmsgparser.Parser(s)))
	found := make(chan *oomparser.OomInstance, 1024)
	done := make(chan int)
	go func() {
		n := 0
		for range found {
			n++
		}
		done <- n
	}()
	begun := time.Now()
	finished := make(chan struct{})
	go func() { parser.StreamOoms(found); close(finished) }()
	lines, bytes := 0, 0
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 1<<20), 1<<20)
	for scanner.Scan() {
		text := scanner.Text()
		lines++
		bytes += len(text) + 1
		if raw {
			if end := strings.IndexByte(text, ';'); end > 0 {
				text = text[end+1:]
			}
		}
		s.messages <- kmsgparser.Message{Message: text}
	}
	close(s.messages)
	<-finished
	seconds := time.Since(begun).Seconds()
	close(found)
	kills := <-done
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"seconds": seconds, "lines": lines, "bytes": bytes, "kills": kills,
		"peak_rss_mib": float64(usage.Maxrss) / 1024, "go": runtime.Version(),
	})

}
