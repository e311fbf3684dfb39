package events

// Partition is where the default partitioner of the Java client puts key among
// n partitions: murmur2 with the sign bit cleared, modulo n.
func Partition(key string, n int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % n
}

// PartitionOfBytes is Partition of a key as a record has it.
func PartitionOfBytes(key []byte, n int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % n
}

// murmur2 is the hash of org.apache.kafka.common.utils.Utils.murmur2.
func murmur2[K string | []byte](key K) uint32 {
	const (
		seed uint32 = 0x9747b28c
		m    uint32 = 0x5bd1e995
		r           = 24
	)
	h := seed ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
	}
	for i := len(key) - 1; i >= 0; i-- {
		h ^= uint32(key[i]) << (8 * i)
	}
	if len(key) > 0 {
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
