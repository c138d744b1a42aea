package flowbundle_test

import (
	"errors"
	"fmt"

	"flowbundle"
)

func Example() {
	model, err := flowbundle.Open("testdata/bundle")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer model.Close()

	// Two rows of seed 42, of the category "good" (code 1) at the angle 0.5, and their score in nats.
	context := flowbundle.RowsOf([]float32{1, 0.5})
	x, err := model.Sample(2, 42, 1, context)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x.Len(), "rows of shape", x.Shape)

	_, err = model.LogProb(flowbundle.RowsOf([]float32{1, 2, 3}), context)
	fmt.Println(err, errors.Is(err, flowbundle.WrongShape))
	// Output:
	// 2 rows of shape [1 2 2]
	// x: expected rows of shape [1 2 2], got [3] true
}

func ExampleNormals() {
	all := flowbundle.Normals(7, 0, 10)
	fmt.Println(all[6] == flowbundle.Normals(7, 6, 1)[0])
	// Output: true
}
