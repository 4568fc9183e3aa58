// A service: a cache that fills and stays, and the garbage of its requests.
//
//	service MIB SECONDS MIB_A_SECOND
//	service leak MIB_A_MINUTE       never gives back what it takes, in uneven steps
package main

import (
	"math/rand"
	"os"
	"strconv"
	"time"
)

const piece = 8 << 10

var (
	cache   [][]byte
	garbage []byte
)

func number(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return value
}

func made() []byte {
	data := make([]byte, piece)
	for at := 0; at < piece; at += 4096 {
		data[at] = 1
	}
	return data
}

func take(size float64) {
	for float64(len(cache)*piece) < size {
		cache = append(cache, made())
	}
}

func leak(perMinute float64) {
	random := rand.New(rand.NewSource(1))
	size := 0.0
	for {
		pause := 2 + random.ExpFloat64()*8
		time.Sleep(time.Duration(pause * float64(time.Second)))
		// What ten seconds bring, on average, comes at once: half as much, or twice.
		size += perMinute / 6 * (0.25 + 1.5*random.Float64())
		take(size)
	}
}

func main() {
	if os.Args[1] == "leak" {
		leak(number(os.Args[2]) * (1 << 20))
	}
	live, seconds, churn := number(os.Args[1])*(1<<20), number(os.Args[2]), number(os.Args[3])*(1<<20)
	begin := time.Now()
	for {
		take(live * min(1, time.Since(begin).Seconds()/seconds))
		for size := 0.0; size < churn/10; size += piece {
			garbage = made()
		}
		time.Sleep(100 * time.Millisecond)
	}
}
