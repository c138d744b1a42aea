//! Made by docs/generate.py: what a graph of a bundle may hold.

pub const OPSET: u64 = 18;

pub const OPERATORS: &str = "Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh BatchNormalization Cast Ceil Celu Clip Concat Constant ConstantOfShape Conv ConvInteger Cos Cosh CumSum DepthToSpace DequantizeLinear Det Div DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gemm Greater GreaterOrEqual HardSigmoid HardSwish Identity InstanceNormalization IsInf IsNaN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul MatMulInteger Max Mean Min Mish Mod Mul Neg Not OneHot Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Where Xor";

/// Messages of onnx.proto: each field's number, and what it is; a star: more than once. See docs/bundle.md.
pub const FIELDS: &str = "Model 1 int 2 text 3 text 5 int 7 Graph 8 Opset*;Opset 1 text 2 int;Graph 1 Node* 2 text 5 Tensor* 11 Value* 12 Value*;Node 1 text* 2 text* 3 text 4 text 5 Attribute* 7 text;Attribute 1 text 2 float 3 int 4 data 5 Tensor 7 floats* 8 ints* 20 int;Tensor 1 ints* 2 int 4 floats* 5 ints* 7 ints* 8 text 9 data 10 doubles*;Value 1 text 2 Type;Type 1 TensorType;TensorType 1 int 2 Shape;Shape 1 Dimension*;Dimension 1 int 2 text";

pub const TYPES: &str = "1 2 3 6 7 9 11";
