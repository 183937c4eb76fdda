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

/** Settings of every layer. */
export interface LayerSettings {
  readonly name?: string
  /** Shape of one example, for a model's first layer. */
  readonly inputShape?: number[]
}

interface KernelSettings extends LayerSettings {
  readonly activation?: ActivationName
  /** Default true. */
  readonly useBias?: boolean
  readonly biasInitializer?: InitializerName
}

export interface DenseSettings extends KernelSettings {
  readonly units: number
  readonly kernelInitializer?: InitializerName
}

interface WindowSettings {
  /** Default `valid`. */
  readonly padding?: 'same' | 'valid'
  readonly strides?: Pair
  readonly dataFormat?: 'channelsLast'
}

export interface ConvolutionSettings extends KernelSettings, WindowSettings {
  readonly filters: number
  readonly kernelSize: Pair
  readonly kernelInitializer?: InitializerName
}

export interface DepthwiseConvolutionSettings extends KernelSettings, WindowSettings {
  readonly kernelSize: Pair
  readonly depthwiseInitializer?: InitializerName
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
  readonly inputs: SymbolicTensorLike
  readonly outputs: SymbolicTensorLike
  readonly name?: string
}

type Layer<Settings> = (settings: Settings) => LayerLike
type LayerOfDefaults<Settings> = (settings?: Settings) => LayerLike

/** The layers of TensorFlow.js that the engine knows, with the settings that it knows. */
export interface EngineLayers {
  readonly activation: Layer<LayerSettings & { readonly activation: ActivationName }>
  readonly add: LayerOfDefaults<LayerSettings>
  readonly averagePooling2d: Layer<PoolingSettings>
  readonly avgPool2d: Layer<PoolingSettings>
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
  readonly conv2d: Layer<ConvolutionSettings>
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
  readonly maxPool2d: Layer<PoolingSettings>
  readonly maxPooling2d: Layer<PoolingSettings>
  readonly prelu: LayerOfDefaults<PReLUSettings>
  readonly reLU: LayerOfDefaults<LayerSettings & { readonly maxValue?: number }>
  readonly reshape: Layer<LayerSettings & { readonly targetShape: number[] }>
  readonly simpleRNN: Layer<SimpleRecurrentSettings>
  readonly softmax: LayerOfDefaults<LayerSettings & { readonly axis?: number }>
  /** A dense layer at each step. A dense layer does the same without it. */
  readonly timeDistributed: Layer<LayerSettings & { readonly layer: LayerLike }>
  readonly thresholdedReLU: LayerOfDefaults<LayerSettings & { readonly theta?: number }>
  readonly zeroPadding2d: LayerOfDefaults<
    LayerSettings & {
      readonly padding?: Pair | [[number, number], [number, number]]
      readonly dataFormat?: 'channelsLast'
    }
  >
}

/** The part of TensorFlow.js with which a model for the engine is written. */
export interface EngineTensorFlow {
  readonly layers: EngineLayers
  input(settings: { readonly shape: number[]; readonly name?: string }): SymbolicTensorLike
  sequential(settings?: { readonly layers?: LayerLike[]; readonly name?: string }): SequentialLike
  model(settings: ModelSettings): LayersModelLike
}
