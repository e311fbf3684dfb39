package spanway.example;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import spanway.v1.EngineOuterClass;
import spanway.v1.Log;
import spanway.v1.Pool;
import spanway.v1.TaskOuterClass;

/** What a record says. */
final class Event {
  private static final List<FileDescriptor> SCHEMAS =
      List.of(
          TaskOuterClass.getDescriptor(),
          EngineOuterClass.getDescriptor(),
          Log.getDescriptor(),
          Pool.getDescriptor());

  private Event() {}

  static byte[] header(ConsumerRecord<byte[], byte[]> record, String name) {
    for (var h : record.headers().headers(name)) {
      return h.value();
    }
    return null;
  }

  /** The CloudEvents type, such as spanway.task.succeeded.v1. */
  static String type(ConsumerRecord<byte[], byte[]> record) {
    return text(header(record, "ce_type"));
  }

  /** The data as JSON, whether it is JSON or protobuf on the wire; null if it cannot be read. */
  static JsonObject data(ConsumerRecord<byte[], byte[]> record) {
    if (record.value() == null) {
      return null;
    }
    try {
      if (text(header(record, "content-type")).startsWith("application/json")) {
        return JsonParser.parseString(text(record.value())).getAsJsonObject();
      }
      Descriptor schema = schema(type(record));
      if (schema == null) {
        return null;
      }
      var message = DynamicMessage.parseFrom(schema, record.value());
      return JsonParser.parseString(JsonFormat.printer().print(message)).getAsJsonObject();
    } catch (InvalidProtocolBufferException | JsonParseException | IllegalStateException e) {
      return null; // It counts, and says nothing here.
    }
  }

  /** spanway.task.attempt_failed.v1 is the message spanway.v1.TaskAttemptFailed. */
  private static Descriptor schema(String type) {
    String[] parts = type.split("\\.");
    if (parts.length != 4) {
      return null;
    }
    var name = new StringBuilder();
    for (String word : (parts[1] + "_" + parts[2]).split("_")) {
      name.append(Character.toUpperCase(word.charAt(0))).append(word.substring(1));
    }
    return SCHEMAS.stream()
        .map(file -> file.findMessageTypeByName(name.toString()))
        .filter(found -> found != null)
        .findFirst()
        .orElse(null);
  }

  private static String text(byte[] b) {
    return b == null ? "" : new String(b, StandardCharsets.UTF_8);
  }
}
