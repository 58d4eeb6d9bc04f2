package main

import (
	"fmt"
	"slices"
	"strings"
)

// spread is what the rounds of a run gave: the median, and the quartiles beside it.
type spread struct{ Median, Low, High float64 }

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	return spread{quantile(sorted, 0.5), quantile(sorted, 0.25), quantile(sorted, 0.75)}
}

// quantile reads between two values where it has to.
func quantile(sorted []float64, share float64) float64 {
	at := share * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// String shows the median, and between what the middle half of the rounds lies.
func (s spread) String() string {
	if s.Low == s.High {
		return figure(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", figure(s.Median), figure(s.Low), figure(s.High))
}

// figure shows what is worth showing of a number.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v != 0 && v < 0.1:
		return fmt.Sprintf("%.1g", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// measure is one cell of a table.
type measure struct {
	Group, Row, Name string
	spread
	Rounds []float64 // in their order
}

type results []measure

// add notes what the rounds gave. What is measured in a unit says so in its name.
func (r *results) add(group, row, name string, values []float64) {
	*r = append(*r, measure{group, row, name, spreadOf(values), values})
}

func (r results) find(group, row, name string) (measure, bool) {
	i := slices.IndexFunc(r, func(m measure) bool { return m.Group == group && m.Row == row && m.Name == name })
	if i < 0 {
		return measure{}, false
	}
	return r[i], true
}

// markdown writes a table for each group, its rows and columns in the order in
// which they were measured.
func (r results) markdown() string {
	var text strings.Builder
	for _, group := range r.distinct(func(m measure) string { return m.Group }) {
		r.writeTable(&text, group)
	}
	return text.String()
}

func (r results) writeTable(text *strings.Builder, group string) {
	own := slices.DeleteFunc(slices.Clone(r), func(m measure) bool { return m.Group != group })
	columns := own.distinct(func(m measure) string { return m.Name })
	fmt.Fprintf(text, "| %s | %s |\n|%s\n", group, strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)+1))
	for _, row := range own.distinct(func(m measure) string { return m.Row }) {
		text.WriteString("| " + row + " |")
		for _, column := range columns {
			cell := ""
			if m, ok := own.find(group, row, column); ok {
				cell = m.String()
			}
			text.WriteString(" " + cell + " |")
		}
		text.WriteString("\n")
	}
	text.WriteString("\n")
}

func (r results) distinct(name func(measure) string) (names []string) {
	for _, m := range r {
		if !slices.Contains(names, name(m)) {
			names = append(names, name(m))
		}
	}
	return names
}

// inTurns takes each measurement once a round, every other round in reverse
// order, so that what else the machine does falls on all of them. It returns the
// rounds of each.
func inTurns[T any](rounds int, take ...func() (T, error)) ([][]T, error) {
	taken := make([][]T, len(take))
	for round := range rounds {
		for i := range take {
			if round%2 == 1 {
				i = len(take) - 1 - i
			}
			v, err := take[i]()
			if err != nil {
				return nil, err
			}
			taken[i] = append(taken[i], v)
		}
	}
	return taken, nil
}

// ratios compares round by round.
func ratios(over, under []float64) []float64 {
	all := make([]float64, len(over))
	for i := range over {
		all[i] = over[i] / under[i]
	}
	return all
}

// differences subtracts round by round.
func differences(from, take []float64) []float64 {
	all := make([]float64, len(from))
	for i := range from {
		all[i] = from[i] - take[i]
	}
	return all
}

// each takes one value of every sample.
func each[T any](samples []T, value func(T) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = value(s)
	}
	return values
}
