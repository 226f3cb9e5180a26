//! Benchmarks the encoder of the masked autoencoder, forward and backward, at the preset's size (49 patches
//! of MNIST, batch 128), by the share of visible patches. `cargo xtask bench`.

use ae_models::network::{Layer, Network, TransformerBlock};
use ae_models::variants::mae;
use ae_tensor::{Device, Kind, Noise};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const BATCH: i64 = 128;
const PATCHES: i64 = 49;

fn encoder(c: &mut Criterion) {
    ae_tensor::device::tune_allocator();
    let config = mae::Config::default();
    let block = |_| Layer::TransformerBlock(TransformerBlock { heads: config.heads });
    let layers = (0..config.depth).map(block).chain([Layer::LayerNorm]).collect();
    let noise = Noise::new(0, 0, Device::Cpu);
    let network = Network::new("encoder", layers, &[PATCHES, config.width], &noise)
        .expect("the preset's encoder builds");
    let mut group = c.benchmark_group("encoder by visible patches");
    group.sample_size(20);
    for visible in [5, 12, 24, PATCHES] {
        let tokens = noise.normal("tokens", &[BATCH, visible, config.width]);
        group.throughput(Throughput::Elements((BATCH * visible) as u64));
        group.bench_function(BenchmarkId::from_parameter(visible), |b| {
            b.iter(|| network.forward_tokens(&tokens).sum(Kind::Float).backward())
        });
    }
    group.finish();
}

criterion_group!(benches, encoder);
criterion_main!(benches);
