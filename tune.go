package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// tune sets the runtime for what alikms does, unless the user has set it. With as
// many processors of the runtime as are busy with cryptography, sockets are
// looked at every 10 ms only: two more keep the tail short. A heap that may grow
// to three times what is alive is still small here, and collected half as often.
func tune() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}
