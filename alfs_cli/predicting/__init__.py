"""What a trained network says of data, to keep or to judge: its outputs, its accuracy."""
