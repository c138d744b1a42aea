package flowbundle

import (
	"math"
	"slices"
	"testing"
)

func TestPhiloxGivesTheKnownAnswers(t *testing.T) {
	zero := [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}
	if found := Philox4x32([4]uint32{}, [2]uint32{}); found != zero {
		t.Errorf("%x", found)
	}
	counter := [4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}
	pi := [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}
	if found := Philox4x32(counter, [2]uint32{0xa4093822, 0x299f31d0}); found != pi {
		t.Errorf("%x", found)
	}
}

func TestSeedsGiveTheKnownNormals(t *testing.T) {
	for seed, known := range map[uint64][]float64{
		0:         {0.9911377, -0.9246626, -0.61760896, -0.4820686},
		1<<63 + 5: {0.24326237, 0.01694727, -1.5504903, 0.27301276},
	} {
		for i, found := range Normals(seed, 0, 4) {
			if math.Abs(float64(found)-known[i]) > 2e-7 {
				t.Errorf("seed %d: %v, expected %v", seed, found, known[i])
			}
		}
	}
}

func TestAnyPartOfTheStreamCanBeHadAlone(t *testing.T) {
	all := Normals(math.MaxUint64, 0, 64)
	for start := range 9 {
		for count := range 9 {
			if found := Normals(math.MaxUint64, uint64(start), count); !slices.Equal(found, all[start:start+count]) {
				t.Errorf("%d from %d: %v", count, start, found)
			}
		}
	}
}

func TestBlocksAreNumberedBy64Bits(t *testing.T) {
	far := uint64(1) << 34 // block 2³²: the counter's second word
	if found, block := Normals(0, far, 4), blockOf(0, 1<<32); !slices.Equal(found, block[:]) {
		t.Errorf("%v, expected %v", found, block)
	}
	if slices.Equal(Normals(0, far, 4), Normals(0, 0, 4)) {
		t.Error("the high word of a block's number is not heeded")
	}
	if found := Normals(0, math.MaxUint64, 1); len(found) != 1 {
		t.Error("the last normal of a seed is not there")
	}
}

func TestTheLargestWordGivesZeroAndTheSmallestTheLargestNormal(t *testing.T) {
	if a, b := pair(math.MaxUint32, 0); a != 0 || b != 0 {
		t.Errorf("%v, %v", a, b)
	}
	if largest, _ := pair(0, 0); largest <= 6.66 || largest >= 6.67 {
		t.Errorf("%v", largest)
	}
}
