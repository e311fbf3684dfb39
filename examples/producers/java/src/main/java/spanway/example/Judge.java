package spanway.example;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import net.jpountz.xxhash.StreamingXXHash64;
import net.jpountz.xxhash.XXHashFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Decides what counts in one partition of spanway.tasks.events, by the rule "Owned logs" of
 * docs/wire.md. Any reader that applies it to the same records comes to the same answer, whatever a
 * former owner still sends.
 */
final class Judge {
  private static final String LOG = "spanway-log";
  private static final String INPUTS = "spanway-inputs";
  private static final String CLAIMED = "spanway.log.claimed.v1";

  /** What stands in the header of a batch. */
  private record Mark(long at, long prev, long hash, int epoch, int records) {
    static Mark parse(byte[] b) {
      if (b == null || b.length != 32) {
        return null;
      }
      ByteBuffer in = ByteBuffer.wrap(b);
      Mark m = new Mark(in.getLong(), in.getLong(), in.getLong(), in.getInt(), in.getInt());
      return m.records == 0 ? null : m;
    }
  }

  private boolean known;
  private long history;
  private int epoch;
  private Mark mark;
  private List<ConsumerRecord<byte[], byte[]>> batch = new ArrayList<>();

  /** At offset 0 the history is 0; elsewhere it is known from the first batch that landed where its writer expected. */
  Judge(long begin) {
    known = begin == 0;
  }

  /** Takes every record, in order, and returns the batch that this one completes, if it counts. */
  List<ConsumerRecord<byte[], byte[]>> add(ConsumerRecord<byte[], byte[]> record) {
    int marks = 0;
    for (var ignored : record.headers().headers(LOG)) {
      marks++;
    }
    if (marks > 0) {
      batch = new ArrayList<>(); // What came before was cut short.
      mark = marks == 1 ? Mark.parse(Event.header(record, LOG)) : null;
      if (mark == null) {
        return List.of();
      }
    } else if (batch.isEmpty()) {
      return List.of(); // It belongs to no batch.
    }
    batch.add(record);
    if (batch.size() < Integer.toUnsignedLong(mark.records)) {
      return List.of();
    }
    var complete = batch;
    batch = new ArrayList<>();
    return counts(complete) ? complete : List.of();
  }

  private boolean counts(List<ConsumerRecord<byte[], byte[]>> complete) {
    boolean claim = complete.stream().anyMatch(r -> Event.type(r).equals(CLAIMED));
    if (claim && !isClaim(complete)) {
      return false;
    }
    if (!known) {
      if (mark.at != complete.get(0).offset()) {
        return false;
      }
      known = true;
      history = mark.prev;
      epoch = claim ? mark.epoch - 1 : mark.epoch;
    }
    if (claim && mark.epoch == epoch + 1) {
      history = historyAfter(history, complete);
      epoch = mark.epoch;
      return true;
    }
    if (!claim && mark.epoch == epoch && epoch != 0 && mark.prev == history) {
      history = mark.hash;
      return true;
    }
    return false;
  }

  private static boolean isClaim(List<ConsumerRecord<byte[], byte[]>> batch) {
    var data = Event.data(batch.get(0));
    return batch.size() == 1
        && Event.header(batch.get(0), INPUTS) == null
        && data != null
        && data.has("claimId")
        && Base64.getDecoder().decode(data.get("claimId").getAsString()).length == 16;
  }

  /** H(before, batch): the hash of everything that counted, with this batch. */
  private static long historyAfter(long before, List<ConsumerRecord<byte[], byte[]>> batch) {
    StreamingXXHash64 hash = XXHashFactory.fastestJavaInstance().newStreamingHash64(0);
    hash.update(ByteBuffer.allocate(8).putLong(before).array(), 0, 8);
    part(hash, Event.header(batch.get(0), INPUTS));
    for (var record : batch) {
      part(hash, Event.header(record, "ce_type"));
      part(hash, record.value());
    }
    return hash.getValue();
  }

  private static void part(StreamingXXHash64 hash, byte[] part) {
    int length = part == null ? 0xFFFFFFFF : part.length;
    hash.update(ByteBuffer.allocate(4).putInt(length).array(), 0, 4);
    if (part != null) {
      hash.update(part, 0, part.length);
    }
  }
}
