use vocabulary::Sketch;

use super::*;

fn round_trip(slots: &[f64], effort: Effort) -> usize {
    let mut encoder = PageEncoder::new(&[10]);
    let mut page = Vec::new();
    encoder.numbers(slots, effort, &mut page);
    let mut back = vec![0.0; slots.len()];
    decode_numbers(&page, &mut back).unwrap();
    let bits =
        |values: &[f64]| values.iter().map(|v| if v.is_nan() { 1 } else { v.to_bits() }).collect::<Vec<_>>();
    assert_eq!(bits(slots), bits(&back));
    page.len()
}

#[test]
fn pages_come_back() {
    for effort in [Effort::Fast, Effort::Final] {
        round_trip(&[], effort);
        round_trip(&[f64::NAN; 10], effort);
        round_trip(&[42.0; 1000], effort);
        round_trip(&[0.1, 0.2, 0.3, f64::NAN, -0.0, f64::INFINITY, 1e300, 5e-324], effort);
        let walk: Vec<f64> = (0..2048).map(|i| f64::from((i * 7919) % 201 - 100) / 100.0).collect();
        round_trip(&walk, effort);
        let mut sparse = vec![f64::NAN; 2048];
        sparse.iter_mut().step_by(7).for_each(|v| *v = 3.25);
        round_trip(&sparse, effort);
    }
}

#[test]
fn sketches_come_back() {
    let slots = [
        Some(Sketch::from_values([(1.0, 1.0), (5.0, 2.0), (-3.0, 0.5)])),
        None,
        Some(Sketch::default()),
        Some(Sketch::from_values([(2.0, 10.0)])),
    ];
    let mut page = Vec::new();
    PageEncoder::new(&[]).sketches(&slots, Effort::Final, &mut page);
    assert_eq!(decode_sketches(&page, slots.len()).unwrap(), slots);
}
