//! Distributions of delay: mean, spread and limits of 10,000 draws.

use stormglass::net::{Delay, Loss};

use super::*;

/// The delays of a run, in microseconds, sorted.
fn sorted(delay: Delay) -> Vec<f64> {
    let arrivals = Flow::over(LinkProfile::with_delay(delay)).arrivals();
    assert_eq!(arrivals.len(), 10_000);
    let mut took: Vec<f64> = arrivals.iter().map(|a| a.took as f64 / 1e3).collect();
    took.sort_by(f64::total_cmp);
    took
}

#[track_caller]
fn near(value: f64, expected: f64, tolerance: f64) {
    assert!((value / expected - 1.0).abs() <= tolerance, "{value} where {expected} was expected");
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[(q * sorted.len() as f64) as usize]
}

#[test]
fn fixed() {
    let took = sorted(Delay::Fixed(micros(700)));
    assert!(took.iter().all(|t| *t == 700.0));
}

#[test]
fn uniform() {
    let took = sorted(Delay::Uniform(micros(1000), micros(3000)));
    assert!(took[0] >= 1000.0 && took[9_999] <= 3000.0);
    near(mean(&took), 2000.0, 0.02);
    near(deviation(&took), 2000.0 / 12_f64.sqrt(), 0.02);
    for tenth in 1..10 {
        near(quantile(&took, f64::from(tenth) / 10.0), 1000.0 + 200.0 * f64::from(tenth), 0.03);
    }
}

#[test]
fn normal() {
    let took = sorted(Delay::Normal { mean: micros(2000), deviation: micros(300) });
    near(mean(&took), 2000.0, 0.01);
    near(deviation(&took), 300.0, 0.03);
    near(quantile(&took, 0.8413), 2300.0, 0.01);
    let cut = sorted(Delay::Normal { mean: micros(100), deviation: micros(300) });
    assert!(cut[0] == 0.0, "a delay is not negative");
}

#[test]
fn log_normal() {
    let took = sorted(Delay::LogNormal { median: micros(1000), sigma: 0.5 });
    near(quantile(&took, 0.5), 1000.0, 0.03);
    near(quantile(&took, 0.8413), 1000.0 * 0.5_f64.exp(), 0.03);
    near(mean(&took), 1000.0 * (0.5_f64 * 0.5 / 2.0).exp(), 0.03);
}

#[test]
fn pareto() {
    let took = sorted(Delay::Pareto { least: micros(1000), shape: 2.5 });
    assert!(took[0] >= 1000.0 && took[9_999] <= 1e6);
    near(mean(&took), 2.5 * 1000.0 / 1.5, 0.05);
    near(quantile(&took, 0.5), 1000.0 * 2_f64.powf(1.0 / 2.5), 0.03);
    near(quantile(&took, 0.99), 1000.0 * 100_f64.powf(1.0 / 2.5), 0.15);
}

#[test]
fn empirical() {
    let took = sorted(Delay::Empirical(vec![micros(100), micros(200), micros(900)]));
    for value in [100.0, 200.0, 900.0] {
        check_share(took.iter().filter(|t| **t == value).count(), 10_000, 1.0 / 3.0);
    }
}

/// With correlation, each delay leans on the one before it.
#[test]
fn correlation() {
    let lag_one = |correlation: f64| {
        let delay = Delay::Uniform(micros(1000), micros(3000));
        let profile = LinkProfile { correlation, ..LinkProfile::with_delay(delay) };
        let mut arrivals = Flow::over(profile).arrivals();
        arrivals.sort_by_key(|arrival| arrival.number);
        let took: Vec<f64> = arrivals.iter().map(|a| a.took as f64).collect();
        // The first delays lead up to the mean.
        let took = &took[100..];
        let (mean, spread) = (mean(took), deviation(took));
        let products = took.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean));
        products.sum::<f64>() / (took.len() - 1) as f64 / (spread * spread)
    };
    assert!(lag_one(0.0).abs() < 0.05);
    assert!((lag_one(0.5) - 0.5).abs() < 0.05);
    assert!((lag_one(0.9) - 0.9).abs() < 0.05);
}

/// The presets, by their medians.
#[test]
fn presets() {
    let median = |profile: LinkProfile| {
        let mut took: Vec<f64> =
            Flow::over(profile).arrivals().iter().map(|a| a.took as f64 / 1e3).collect();
        took.sort_by(f64::total_cmp);
        quantile(&took, 0.5)
    };
    near(median(LinkProfile::default()), 250.0, 0.02);
    near(median(LinkProfile::between_zones()), 1685.0, 0.02);
    near(median(LinkProfile::wide_area()), 75_000.0, 0.02);
    near(median(LinkProfile { rate: None, ..LinkProfile::mobile() }), 40_000.0, 0.02);
    assert_eq!(LinkProfile::wide_area().loss, Loss::Bernoulli(0.001));
    assert_eq!(LinkProfile::mobile().rate, Some(1_000_000));
}
