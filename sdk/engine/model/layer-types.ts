type Pair = number | [number, number]

/**
 * Names of activations in the engine. `gelu` is the exact form, `gelu_new` the form by a tanh. A softmax is over the last
 * dimension.
 */
export type ActivationName =
  | 'elu'
  | 'gelu'
  | 'gelu_new'
  | 'hardSigmoid'
  | 'linear'
  | 'mish'
  | 'relu'
  | 'relu6'
  | 'selu'
  | 'sigmoid'
  | 'softmax'
  | 'softplus'
  | 'softsign'
  | 'swish'
  | 'tanh'

type Scheme = 'glorot' | 'he' | 'leCun'

/** Names of initializers whose values can be drawn from the job's stream. */
export type InitializerName =
  | 'constant'
  | 'identity'
  | 'ones'
  | 'orthogonal'
  | 'randomNormal'
  | 'randomUniform'
  | 'truncatedNormal'
  | 'zeros'
  | `${Scheme}${'Normal' | 'Uniform'}`

/** A regularizer of a weight, of `regularizers`. */
export interface RegularizerLike {
  apply(x: never): never
  getClassName(): string
  getConfig(): never
}

/** A constraint of a weight, of `constraints`. */
export interface ConstraintLike {
  apply(w: never): never
  getClassName(): string
  getConfig(): never
}

type RegularizerChoice = RegularizerLike | 'l1l2'
type ConstraintChoice = ConstraintLike | 'maxNorm' | 'minMaxNorm' | 'nonNeg' | 'unitNorm'

/** Settings of every layer. */
export interface LayerSettings {
  readonly name?: string
  /** Whether training moves the layer's weights. Default true. */
  readonly trainable?: boolean
  /** Shape of one example, for a model's first layer. */
  readonly inputShape?: number[]
}

interface KernelSettings extends LayerSettings {
  readonly activation?: ActivationName
  /** Default true. */
  readonly useBias?: boolean
  readonly biasInitializer?: InitializerName
  readonly biasRegularizer?: RegularizerChoice
  readonly biasConstraint?: ConstraintChoice
}

/** Rules of a layer's kernel. */
interface KernelRules {
  /** Adds a penalty to the loss in training. */
  readonly kernelRegularizer?: RegularizerChoice
  /** Holds after each step. */
  readonly kernelConstraint?: ConstraintChoice
}

export interface DenseSettings extends KernelSettings, KernelRules {
  readonly units: number
  readonly kernelInitializer?: InitializerName
}

interface WindowSettings {
  /** Default `valid`. */
  readonly padding?: 'same' | 'valid'
  readonly strides?: Pair
  readonly dataFormat?: 'channelsLast'
}

export interface ConvolutionSettings extends KernelSettings, KernelRules, WindowSettings {
  readonly filters: number
  readonly kernelSize: Pair
  readonly kernelInitializer?: InitializerName
  /** Default 1. */
  readonly dilationRate?: Pair
}

export interface TransposedConvolutionSettings extends KernelSettings, KernelRules, WindowSettings {
  readonly filters: number
  readonly kernelSize: Pair
  readonly kernelInitializer?: InitializerName
}

type Single = number | [number]

export interface SequenceConvolutionSettings extends KernelSettings, KernelRules {
  readonly filters: number
  readonly kernelSize: Single
  /** Default `valid`. With `causal`, a window ends with its own step. */
  readonly padding?: 'same' | 'valid' | 'causal'
  readonly strides?: Single
  /** Default 1. */
  readonly dilationRate?: Single
  readonly kernelInitializer?: InitializerName
}

export interface SequencePoolingSettings extends LayerSettings {
  /** Default 2. */
  readonly poolSize?: Single
  /** Default: the windows' size. */
  readonly strides?: Single
  /** Default `valid`. */
  readonly padding?: 'same' | 'valid'
}

export interface UpSamplingSettings extends LayerSettings {
  /** Height and width of the block that each pixel becomes. Default 2 × 2. */
  readonly size?: [number, number]
  /** Default `nearest`, which repeats pixels. */
  readonly interpolation?: 'nearest' | 'bilinear'
  readonly dataFormat?: 'channelsLast'
}

export interface DepthwiseConvolutionSettings extends KernelSettings, WindowSettings {
  readonly kernelSize: Pair
  readonly depthwiseInitializer?: InitializerName
  readonly depthwiseRegularizer?: RegularizerChoice
  readonly depthwiseConstraint?: ConstraintChoice
}

export interface PoolingSettings extends LayerSettings, WindowSettings {
  /** Default 2. */
  readonly poolSize?: Pair
}

export interface BatchNormalizationSettings extends LayerSettings {
  readonly axis?: number
  readonly momentum?: number
  readonly epsilon?: number
  readonly center?: boolean
  readonly scale?: boolean
  readonly betaInitializer?: InitializerName
  readonly gammaInitializer?: InitializerName
  readonly movingMeanInitializer?: InitializerName
  readonly movingVarianceInitializer?: InitializerName
}

/** Names of activations within recurrent layers. */
export type RecurrentActivationName = 'hardSigmoid' | 'linear' | 'relu' | 'relu6' | 'sigmoid' | 'tanh'

export interface SimpleRecurrentSettings extends LayerSettings {
  readonly units: number
  /** Default `tanh`. */
  readonly activation?: RecurrentActivationName
  /** Default true. */
  readonly useBias?: boolean
  readonly kernelInitializer?: InitializerName
  /** Default `orthogonal`. */
  readonly recurrentInitializer?: InitializerName
  readonly biasInitializer?: InitializerName
  /** Returns the states after all steps, not only that after the last. Default false. */
  readonly returnSequences?: boolean
  /** Begins with the last step, and returns sequences in that order. Default false. */
  readonly goBackwards?: boolean
}

export interface GatedRecurrentSettings extends SimpleRecurrentSettings {
  /** Default `hardSigmoid`. */
  readonly recurrentActivation?: RecurrentActivationName
}

export interface LongShortTermSettings extends GatedRecurrentSettings {
  /** Begins with a bias of 1 in the forget gates. Default false. */
  readonly unitForgetBias?: boolean
}

export interface EmbeddingSettings extends LayerSettings {
  readonly inputDim: number
  readonly outputDim: number
  readonly inputLength?: number
  /** The number 0 stands for padding, which recurrent layers skip. Default false. */
  readonly maskZero?: boolean
  readonly embeddingsInitializer?: InitializerName
  readonly embeddingsRegularizer?: RegularizerChoice
  readonly embeddingsConstraint?: ConstraintChoice
}

export interface LayerNormalizationSettings extends LayerSettings {
  /** Default −1, the last dimension, which is the only one. */
  readonly axis?: number | number[]
  readonly epsilon?: number
  readonly center?: boolean
  readonly scale?: boolean
  readonly betaInitializer?: InitializerName
  readonly gammaInitializer?: InitializerName
}

export interface PReLUSettings extends LayerSettings {
  readonly alphaInitializer?: InitializerName
  /** All dimensions but the last, which then share their slopes. Default: none. */
  readonly sharedAxes?: number | number[]
}

/** The output of a layer, from which a model is made. */
export interface SymbolicTensorLike {
  readonly sourceLayer: LayerLike
}

export interface LayerLike {
  /** Whether training moves the layer's weights. */
  trainable: boolean
  /** Returns the layer's output. Cast it `as SymbolicTensor`: TensorFlow.js declares further types for the result. */
  apply(inputs: SymbolicTensorLike | SymbolicTensorLike[]): unknown
}

export interface LayersModelLike {
  readonly layers: LayerLike[]
}

interface SequentialLike extends LayersModelLike {
  add(layer: LayerLike): void
}

interface ModelSettings {
  readonly inputs: SymbolicTensorLike | SymbolicTensorLike[]
  readonly outputs: SymbolicTensorLike | SymbolicTensorLike[]
  readonly name?: string
}

type Layer<Settings> = (settings: Settings) => LayerLike
type LayerOfDefaults<Settings> = (settings?: Settings) => LayerLike

/** The layers of TensorFlow.js that the engine knows, with the settings that it knows. */
export interface EngineLayers {
  readonly activation: Layer<LayerSettings & { readonly activation: ActivationName }>
  readonly add: LayerOfDefaults<LayerSettings>
  readonly average: LayerOfDefaults<LayerSettings>
  readonly averagePooling1d: Layer<SequencePoolingSettings>
  readonly averagePooling2d: Layer<PoolingSettings>
  readonly avgPool1d: Layer<SequencePoolingSettings>
  readonly avgPool2d: Layer<PoolingSettings>
  readonly avgPooling1d: Layer<SequencePoolingSettings>
  readonly avgPooling2d: Layer<PoolingSettings>
  readonly batchNormalization: LayerOfDefaults<BatchNormalizationSettings>
  readonly bidirectional: Layer<
    LayerSettings & {
      /** A recurrent layer. */
      readonly layer: LayerLike
      /** Default `concat`. */
      readonly mergeMode?: 'ave' | 'concat' | 'mul' | 'sum'
    }
  >
  readonly concatenate: LayerOfDefaults<LayerSettings & { readonly axis?: number }>
  readonly conv1d: Layer<SequenceConvolutionSettings>
  readonly conv2d: Layer<ConvolutionSettings>
  readonly conv2dTranspose: Layer<TransposedConvolutionSettings>
  readonly dense: Layer<DenseSettings>
  readonly depthwiseConv2d: Layer<DepthwiseConvolutionSettings>
  readonly dropout: Layer<LayerSettings & { readonly rate: number }>
  readonly elu: LayerOfDefaults<LayerSettings & { readonly alpha?: number }>
  readonly embedding: Layer<EmbeddingSettings>
  readonly flatten: LayerOfDefaults<LayerSettings & { readonly dataFormat?: 'channelsLast' }>
  readonly globalAveragePooling1d: Layer<LayerSettings>
  readonly globalAveragePooling2d: Layer<LayerSettings & { readonly dataFormat?: 'channelsLast' }>
  readonly gru: Layer<GatedRecurrentSettings>
  readonly inputLayer: Layer<LayerSettings>
  readonly layerNormalization: LayerOfDefaults<LayerNormalizationSettings>
  readonly leakyReLU: LayerOfDefaults<LayerSettings & { readonly alpha?: number }>
  readonly lstm: Layer<LongShortTermSettings>
  /** Steps whose channels all have the value (default 0) are padding, which recurrent layers skip. */
  readonly masking: LayerOfDefaults<LayerSettings & { readonly maskValue?: number }>
  readonly globalMaxPool1d: Layer<LayerSettings>
  readonly globalMaxPool2d: Layer<LayerSettings & { readonly dataFormat?: 'channelsLast' }>
  readonly globalMaxPooling1d: Layer<LayerSettings>
  readonly globalMaxPooling2d: Layer<LayerSettings & { readonly dataFormat?: 'channelsLast' }>
  readonly maxPool1d: Layer<SequencePoolingSettings>
  readonly maxPool2d: Layer<PoolingSettings>
  readonly maxPooling1d: Layer<SequencePoolingSettings>
  readonly maxPooling2d: Layer<PoolingSettings>
  readonly prelu: LayerOfDefaults<PReLUSettings>
  readonly maximum: LayerOfDefaults<LayerSettings>
  readonly minimum: LayerOfDefaults<LayerSettings>
  readonly multiply: LayerOfDefaults<LayerSettings>
  readonly reLU: LayerOfDefaults<LayerSettings & { readonly maxValue?: number }>
  readonly reshape: Layer<LayerSettings & { readonly targetShape: number[] }>
  readonly simpleRNN: Layer<SimpleRecurrentSettings>
  readonly softmax: LayerOfDefaults<LayerSettings & { readonly axis?: number }>
  /** A dense layer at each step. A dense layer does the same without it. */
  readonly timeDistributed: Layer<LayerSettings & { readonly layer: LayerLike }>
  readonly thresholdedReLU: LayerOfDefaults<LayerSettings & { readonly theta?: number }>
  readonly upSampling2d: Layer<UpSamplingSettings>
  readonly zeroPadding2d: LayerOfDefaults<
    LayerSettings & {
      readonly padding?: Pair | [[number, number], [number, number]]
      readonly dataFormat?: 'channelsLast'
    }
  >
}

/** Regularizers of TensorFlow.js: l1·Σ|w| + l2·Σw² is added to the loss in training. */
interface EngineRegularizers {
  l1(settings?: { readonly l1: number }): RegularizerLike
  l2(settings?: { readonly l2: number }): RegularizerLike
  l1l2(settings?: { readonly l1?: number; readonly l2?: number }): RegularizerLike
}

/** Constraints of TensorFlow.js, with its defaults. Norms are over `axis`. */
interface EngineConstraints {
  maxNorm(settings: { readonly maxValue?: number; readonly axis?: number }): ConstraintLike
  minMaxNorm(settings: {
    readonly minValue?: number
    readonly maxValue?: number
    readonly rate?: number
    readonly axis?: number
  }): ConstraintLike
  nonNeg(): ConstraintLike
  unitNorm(settings: { readonly axis?: number }): ConstraintLike
}

/** The part of TensorFlow.js with which a model for the engine is written. */
export interface EngineTensorFlow {
  readonly layers: EngineLayers
  readonly regularizers: EngineRegularizers
  readonly constraints: EngineConstraints
  input(settings: { readonly shape: number[]; readonly name?: string }): SymbolicTensorLike
  sequential(settings?: { readonly layers?: LayerLike[]; readonly name?: string }): SequentialLike
  model(settings: ModelSettings): LayersModelLike
}
