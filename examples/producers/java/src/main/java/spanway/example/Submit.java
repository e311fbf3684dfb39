package spanway.example;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Submits one command as a task, waits for its end and prints the result. Ends with 0 if the task
 * succeeded, 4 if it ended otherwise, 1 if it was refused, 3 if Kafka cannot be reached.
 */
public final class Submit {
  private static final String BROKERS = env("SPANWAY_BROKERS", "127.0.0.1:29092");
  private static final String PREFIX = env("SPANWAY_PREFIX", "spanway.");
  private static final String POOL = env("SPANWAY_POOL", "default");
  private static final String WHERE = env("SPANWAY_WHERE", "true"); // Such as: engine.labels.gpu >= 1

  public static void main(String[] command) throws Exception {
    if (command.length == 0) {
      System.err.println("usage: Submit COMMAND [ARG...]");
      System.exit(2);
    }
    String given = env("SPANWAY_TASK_ID", "");
    String taskId = given.isEmpty() ? UUID.randomUUID().toString() : given;
    int code;
    try (var consumer = consumer()) {
      // First the place from which to read, then the request: its end cannot be missed.
      Map<TopicPartition, Judge> judges = seekToEnd(consumer);
      submit(taskId, command);
      code = await(consumer, judges, taskId);
    } catch (KafkaException | ExecutionException e) {
      System.err.println("Kafka at " + BROKERS + ": " + e.getMessage());
      code = 3;
    }
    System.exit(code);
  }

  private static KafkaConsumer<byte[], byte[]> consumer() {
    // Without a group: nothing is shared, nothing is committed.
    var bytes = new ByteArrayDeserializer();
    return new KafkaConsumer<>(Map.of("bootstrap.servers", BROKERS, "enable.auto.commit", false), bytes, bytes);
  }

  private static Map<TopicPartition, Judge> seekToEnd(KafkaConsumer<byte[], byte[]> consumer) {
    List<TopicPartition> all =
        consumer.partitionsFor(PREFIX + "tasks.events").stream()
            .map(p -> new TopicPartition(p.topic(), p.partition()))
            .toList();
    consumer.assign(all);
    var judges = new HashMap<TopicPartition, Judge>();
    consumer.endOffsets(all).forEach((partition, end) -> {
      consumer.seek(partition, end);
      judges.put(partition, new Judge(end));
    });
    return judges;
  }

  private static void submit(String taskId, String[] command) throws InterruptedException, ExecutionException {
    var request = Map.of(
        "taskId", taskId,
        "kind", "exec",
        "payloadJson", Map.of("command", command),
        "predicate", WHERE,
        "executionTimeout", "30s");
    var record = new ProducerRecord<>(PREFIX + "tasks.requests", POOL, new Gson().toJson(request));
    Map.of(
            "ce_specversion", "1.0",
            "ce_id", UUID.randomUUID().toString(),
            "ce_source", "/examples/java",
            "ce_type", "spanway.task.requested.v1",
            "content-type", "application/json")
        .forEach((name, value) -> record.headers().add(name, value.getBytes(StandardCharsets.UTF_8)));
    var text = new StringSerializer();
    try (var producer = new KafkaProducer<>(Map.<String, Object>of("bootstrap.servers", BROKERS), text, text)) {
      producer.send(record).get(); // If this fails, submit again: the same taskId is the same task.
    }
  }

  private static int await(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Judge> judges, String taskId)
      throws IOException {
    while (true) {
      for (var record : consumer.poll(Duration.ofSeconds(1))) {
        for (var counted : judges.get(new TopicPartition(record.topic(), record.partition())).add(record)) {
          JsonObject data = Event.data(counted);
          if (data == null || !taskId.equals(text(data, "taskId"))) {
            continue;
          }
          Integer code = outcome(Event.type(counted).split("\\.")[2], data);
          if (code != null) {
            return code;
          }
        }
      }
    }
  }

  /** The exit code, if the event is the task's last one. */
  private static Integer outcome(String fact, JsonObject data) throws IOException {
    switch (fact) {
      case "succeeded":
        System.out.write(Base64.getDecoder().decode(text(data, "result")));
        System.out.flush();
        return 0;
      case "failed", "dead_lettered", "expired", "cancelled":
        System.err.println(fact + ": " + (data.has("error") ? data.get("error") : text(data, "reason")));
        return 4;
      case "rejected":
        System.err.println(text(data, "code") + ": " + text(data, "message"));
        return 1;
      default:
        return null;
    }
  }

  private static String text(JsonObject data, String name) {
    return data.has(name) ? data.get(name).getAsString() : "";
  }

  private static String env(String name, String otherwise) {
    return System.getenv().getOrDefault(name, otherwise);
  }
}
