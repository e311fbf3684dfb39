package main

import (
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/spanway/spanway/pkg/events"
)

// object is a JSON object; its keys are sorted when it is written.
type object map[string]any

func ref(format string, args ...any) object { return object{"$ref": fmt.Sprintf(format, args...)} }

// kafkaBinding is the version of AsyncAPI's Kafka bindings that is used.
const kafkaBinding = "0.5.0"

// asyncAPI makes the document, version 3.0 of AsyncAPI. It is told from the side of
// a program that uses Spanway: it sends commands and receives events.
func asyncAPI(types []entry) ([]byte, error) {
	doc := object{
		"asyncapi": "3.0.0",
		"info": object{
			"title": "Spanway", "version": "1",
			"description": "Commands that a program sends to Spanway, the events that it may follow, and what engines write and read. Topics have a prefix, here the default one. docs/wire.md has the rules, docs/consumers.md how to read the log.",
			"license":     object{"name": "Apache-2.0"},
		},
		"defaultContentType": events.ContentJSON,
		"channels":           object{},
		"operations":         operations(),
		"components":         object{"messages": messages(types), "messageTraits": object{"record": object{"headers": recordHeaders()}}},
	}
	for _, c := range channels() {
		doc["channels"].(object)[c.name] = c.asyncAPI(types)
	}
	text, err := yaml.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write the AsyncAPI document: %w", err)
	}
	return append([]byte("# Written by make generate (internal/wiredoc).\n"), text...), nil
}

func (c channel) asyncAPI(types []entry) object {
	has := object{}
	for _, e := range types {
		if c.has(e.typ) {
			has[e.message] = ref("#/components/messages/%s", e.message)
		}
	}
	return object{
		"address": c.topic, "description": c.text, "messages": has,
		"bindings": object{"kafka": object{"topic": c.topic, "partitions": c.partitions, "bindingVersion": kafkaBinding}},
	}
}

func operations() object {
	operation := func(action, channel, summary string) object {
		return object{"action": action, "channel": ref("#/channels/%s", channel), "summary": summary}
	}
	return object{
		"request":            operation("send", "requests", "Ask for a task, or for anything else"),
		"follow":             operation("receive", "events", "Follow what happens; skip what does not count"),
		"readDeadLetters":    operation("receive", "deadLetters", "See what could not be acted upon"),
		"report":             operation("send", "reports", "Engines: say what you do"),
		"receiveAssignments": operation("receive", "assignments", "Engines: take your tasks"),
		"restore":            operation("receive", "snapshots", "Begin to read the log at a snapshot"),
	}
}

func messages(types []entry) object {
	all := object{}
	for _, e := range types {
		m := object{
			"name": string(e.typ), "title": e.message, "summary": e.text,
			"contentType": events.ContentJSON,
			"headers":     object{"type": "object", "properties": object{events.HeaderType: object{"const": string(e.typ)}}},
			"traits":      []any{ref("#/components/messageTraits/record")},
			"payload":     ref("./%s", e.schema),
		}
		for _, c := range channels() {
			if c.has(e.typ) && c.key != "" {
				m["bindings"] = object{"kafka": object{"key": object{"type": "string", "description": c.key}, "bindingVersion": kafkaBinding}}
			}
		}
		all[e.message] = m
	}
	return all
}

func recordHeaders() object {
	properties := object{}
	for _, h := range headers() {
		if h.name != events.HeaderTraceparent+", "+events.HeaderTracestate {
			properties[h.name] = object{"type": "string", "description": h.on + ": " + h.text}
		}
	}
	for _, name := range []string{events.HeaderTraceparent, events.HeaderTracestate} {
		properties[name] = object{"type": "string", "description": "W3C trace context"}
	}
	properties[events.HeaderSpecVersion] = object{"const": "1.0"}
	return object{
		"type": "object", "properties": properties,
		"required": []string{events.HeaderSpecVersion, events.HeaderID, events.HeaderSource, events.HeaderType},
	}
}
