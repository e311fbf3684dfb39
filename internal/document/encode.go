package document

import (
	"encoding/json"
	"fmt"

	yaml3 "go.yaml.in/yaml/v3"
)

// Encode writes a value as YAML by the JSON names of its fields, and in their order.
func Encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write %T as YAML: %w", v, err)
	}
	var node yaml3.Node
	if err := yaml3.Unmarshal(b, &node); err != nil {
		return nil, fmt.Errorf("write %T as YAML: %w", v, err)
	}
	block(&node)
	b, err = yaml3.Marshal(&node)
	if err != nil {
		return nil, fmt.Errorf("write %T as YAML: %w", v, err)
	}
	return b, nil
}

// block writes a node over several lines, and text in quotes where that is needed alone. Text
// that versions of YAML read differently stays in quotes.
func block(node *yaml3.Node) {
	switch {
	case node.Kind != yaml3.ScalarNode:
		node.Style = 0
	case !unclear(node.Value) && !quote(&yaml3.Node{Kind: yaml3.ScalarNode, Value: node.Value}):
		node.Style = plain
	}
	for _, child := range node.Content {
		block(child)
	}
}
