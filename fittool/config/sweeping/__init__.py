"""The section `sweep`: `section` describes it, `values` lays what it varies over the experiment and checks the whole."""
