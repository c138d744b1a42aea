package flowbundle

import "math"

// words is 2³², the number of values of a word.
const words = 1 << 32

// Philox4x32 is ten rounds of Philox (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011, section
// 3.3): four words of noise for a counter and a key.
func Philox4x32(counter [4]uint32, key [2]uint32) [4]uint32 {
	for range 10 {
		product0 := 0xD2511F53 * uint64(counter[0])
		product1 := 0xCD9E8D57 * uint64(counter[2])
		counter = [4]uint32{
			uint32(product1>>32) ^ counter[1] ^ key[0],
			uint32(product1),
			uint32(product0>>32) ^ counter[3] ^ key[1],
			uint32(product0),
		}
		key = [2]uint32{key[0] + 0x9E3779B9, key[1] + 0xBB67AE85}
	}
	return counter
}

// Normals gives the standard normals number start … start + count − 1 of a seed; none is larger than 6.66.
//
// Any part of the stream can be had alone: it is numbered, not drawn in turn.
func Normals(seed, start uint64, count int) []float32 {
	skipped := int(start % 4)
	stream := make([]float32, 0, skipped+count+3)
	for block := start / 4; len(stream) < skipped+count; block++ {
		normals := blockOf(seed, block)
		stream = append(stream, normals[:]...)
	}
	return stream[skipped : skipped+count]
}

// blockOf gives the normals 4 · block … 4 · block + 3 of a seed.
func blockOf(seed, block uint64) [4]float32 {
	w := Philox4x32(
		[4]uint32{uint32(block), uint32(block >> 32), 0, 0},
		[2]uint32{uint32(seed), uint32(seed >> 32)},
	)
	a, b := pair(w[0], w[1])
	c, d := pair(w[2], w[3])
	return [4]float32{a, b, c, d}
}

// pair makes two normals of two words (Box–Muller), in float64 and rounded once.
func pair(u, v uint32) (float32, float32) {
	radius := math.Sqrt(-2 * math.Log((float64(u)+1)/words))
	sin, cos := math.Sincos(2 * math.Pi * float64(v) / words)
	return float32(radius * cos), float32(radius * sin)
}
