"""Pure decisions about leads: values in, values out. No clock, network, store or chance."""
