package flowbundle

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

const (
	calls = 20_000
	// slackKiB is what a page here and there may add; a leak of one row's output a call would add ten times as much.
	slackKiB = 2048
)

// resident memory, in KiB, after what can be given back was.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("there is no /proc/self/status here")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}

func TestMemoryStaysFlatOverManyCalls(t *testing.T) {
	model := open(t, testBundle)
	context := RowsOf([]float32{1, 0.5})
	call := func() {
		x := must(model.Sample(16, 1, 1, context))
		must(model.LogProb(x, context))
		if _, err := model.LogProb(context, context); err == nil {
			t.Fatal("rows of another shape were accepted")
		}
	}
	for range calls / 10 {
		call()
	}
	before := resident(t)
	for range calls {
		call()
	}
	grown := resident(t) - before
	t.Logf("%d calls: %d KiB", calls, grown)
	if grown > slackKiB {
		t.Errorf("%d calls left %d KiB behind", calls, grown)
	}
}

func TestModelsThatAreClosedLeaveNothingBehind(t *testing.T) {
	cycle := func() {
		if err := must(Open(testBundle)).Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 30 {
		cycle()
	}
	before := resident(t)
	for range 300 {
		cycle()
	}
	if grown := resident(t) - before; grown > 2*slackKiB {
		t.Errorf("300 models left %d KiB behind", grown)
	}
}
