//! Proximal policy optimisation: generalised advantages (Schulman et al. 2016), the clipped objective (2017), a round
//! of gradient steps.
//!
//! ```text
//! delta_t = r_t + gamma v_{t+1} - v_t,   A_t = delta_t + gamma lambda A_{t+1}
//! L = - mean min(rho A, clip(rho, 1 +- epsilon) A)  +  c_v mean (v - A_t - v_t)^2  -  c_e mean entropy,     rho = pi / pi_old
//! ```
//!
//! gamma is 0 by default: Lyapunov's argument has made a slot's cost stand for what comes after it, in its Q E, so that
//! slots can be decided one by one. The policy is to minimise a slot's cost, not some sum of them.

use candle_core::backprop::GradStore;
use candle_core::{D, Device, Result, Tensor, Var};
use candle_nn::ops::log_softmax;
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use offcut_heuristics::lymdo::{USER_WIDTH, WIDTH};
use offcut_instances::random::Stream;

use crate::perceptron::Perceptron;
use crate::play::Choice;

/// What keeps a closed cut from being drawn.
const CLOSED: f32 = -1e9;

/// Settings of a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// gamma.
    pub discount: f64,
    /// lambda.
    pub trace: f64,
    /// epsilon.
    pub clip: f64,
    /// c_e.
    pub entropy: f64,
    /// c_v.
    pub critic: f64,
    /// Passes over a round's choices.
    pub epochs: usize,
    /// Choices a gradient step.
    pub batch: usize,
    /// Longest gradient.
    pub gradient: f64,
}

/// The networks and what moves them.
pub struct Agent {
    /// Scores of cuts.
    pub actor: Perceptron,
    /// What a user can expect.
    pub critic: Perceptron,
    optimiser: AdamW,
}

/// Statistics of an epoch, as means over its gradient steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EpochStatistics {
    /// Entropy of the policy.
    pub entropy: f64,
    /// ln(pi_old/pi), on average.
    pub moved: f64,
    /// Share of choices beyond the clip.
    pub clipped: f64,
    /// Mean squared error of the critic.
    pub critic: f64,
}

/// Choices as tensors, users' cuts padded to the same number.
struct Batch {
    rows: Tensor,
    closed: Tensor,
    of_users: Tensor,
    users: usize,
    cuts: usize,
}

impl Batch {
    fn new(choices: &[&Choice]) -> Result<Self> {
        let users = choices.len();
        let cuts = choices.iter().map(|choice| choice.is_open.len()).max().unwrap_or(1);
        let mut rows = vec![0.0f32; users * cuts * WIDTH];
        let mut closed = vec![CLOSED; users * cuts];
        let mut of_users: Vec<f32> = Vec::with_capacity(users * USER_WIDTH);
        for (n, choice) in choices.iter().enumerate() {
            rows[n * cuts * WIDTH..][..choice.rows.len()].copy_from_slice(&choice.rows);
            for (m, _) in choice.is_open.iter().enumerate().filter(|(_, is_open)| **is_open) {
                closed[n * cuts + m] = 0.0;
            }
            of_users.extend(&choice.of_user);
        }
        Ok(Self {
            rows: Tensor::from_vec(rows, (users * cuts, WIDTH), &Device::Cpu)?,
            closed: Tensor::from_vec(closed, (users, cuts), &Device::Cpu)?,
            of_users: Tensor::from_vec(of_users, (users, USER_WIDTH), &Device::Cpu)?,
            users,
            cuts,
        })
    }
}

impl Agent {
    /// Random networks with hidden layers of this width.
    ///
    /// # Errors
    /// If candle has any.
    pub fn new(width: usize, stream: &mut Stream) -> Result<Self> {
        let actor = Perceptron::new(&[WIDTH, width, width, 1], 0.01, stream)?;
        let critic = Perceptron::new(&[USER_WIDTH, width, 1], 0.01, stream)?;
        let variables: Vec<Var> = [actor.variables(), critic.variables()].concat();
        let parameters = ParamsAdamW { weight_decay: 0.0, ..ParamsAdamW::default() };
        Ok(Self { actor, critic, optimiser: AdamW::new(variables, parameters)? })
    }

    /// ln of the probability of every cut. Shape (users, cuts).
    fn log_probabilities(&self, batch: &Batch) -> Result<Tensor> {
        let scores = self.actor.forward(&batch.rows)?.reshape((batch.users, batch.cuts))?;
        log_softmax(&(scores + &batch.closed)?, D::Minus1)
    }

    /// ln of the probability of every cut, and what the critic expects, for everybody.
    ///
    /// # Errors
    /// If candle has any.
    pub fn look(&self, choices: &[&Choice]) -> Result<(Vec<Vec<f32>>, Vec<f32>)> {
        let batch = Batch::new(choices)?;
        let logs = self.log_probabilities(&batch)?.to_vec2::<f32>()?;
        Ok((logs, self.critic.forward(&batch.of_users)?.to_vec1::<f32>()?))
    }

    /// Gradient steps over these choices with their advantages, at this rate.
    ///
    /// # Errors
    /// If candle has any.
    pub fn learn(
        &mut self,
        choices: &[Choice],
        advantages: &[f64],
        rate: f64,
        settings: &Settings,
        stream: &mut Stream,
    ) -> Result<EpochStatistics> {
        self.optimiser.set_learning_rate(rate);
        let count = advantages.len() as f64;
        let mean = advantages.iter().sum::<f64>() / count;
        let spread = (advantages.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / count).sqrt() + 1e-8;
        let mut order: Vec<usize> = (0..choices.len()).collect();
        let (mut total, mut steps) = (EpochStatistics::default(), 0.0);
        for _ in 0..settings.epochs {
            for i in (1..order.len()).rev() {
                order.swap(i, stream.below(i as u64 + 1) as usize);
            }
            for places in order.chunks(settings.batch) {
                let picked: Vec<&Choice> = places.iter().map(|i| &choices[*i]).collect();
                let batch = Batch::new(&picked)?;
                let column = |of: &dyn Fn(usize) -> f32| {
                    Tensor::from_vec(places.iter().map(|i| of(*i)).collect::<Vec<f32>>(), places.len(), &Device::Cpu)
                };
                let advantage = column(&|i| ((advantages[i] - mean) / spread) as f32)?;
                let earned = column(&|i| (advantages[i] + f64::from(choices[i].expected)) as f32)?;
                let before = column(&|i| choices[i].log_probability)?;
                let cuts: Vec<u32> = picked.iter().map(|choice| choice.cut as u32).collect();
                let cuts = Tensor::from_vec(cuts, (places.len(), 1), &Device::Cpu)?;

                let logs = self.log_probabilities(&batch)?;
                let moved = (logs.gather(&cuts, 1)?.squeeze(1)? - before)?;
                let ratio = moved.exp()?;
                let clipped = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip)?;
                let gained = (&ratio * &advantage)?.minimum(&(&clipped * &advantage)?)?.mean_all()?;
                // Closed cuts have probability 0 and a log far below: their product is 0.
                let entropy = (logs.exp()? * &logs)?.sum(D::Minus1)?.mean_all()?.neg()?;
                let error = (self.critic.forward(&batch.of_users)? - earned)?.sqr()?.mean_all()?;
                let loss = ((&error * settings.critic)? - (&entropy * settings.entropy)?)?.sub(&gained)?;
                let mut gradients = loss.backward()?;
                self.shorten(&mut gradients, settings.gradient)?;
                self.optimiser.step(&gradients)?;

                let beyond = ratio.to_vec1::<f32>()?;
                let beyond = beyond.iter().filter(|ratio| f64::from((**ratio - 1.0).abs()) > settings.clip).count();
                total.entropy += f64::from(entropy.to_scalar::<f32>()?);
                total.moved -= f64::from(moved.mean_all()?.to_scalar::<f32>()?);
                total.clipped += beyond as f64 / places.len() as f64;
                total.critic += f64::from(error.to_scalar::<f32>()?);
                steps += 1.0;
            }
        }
        Ok(EpochStatistics {
            entropy: total.entropy / steps,
            moved: total.moved / steps,
            clipped: total.clipped / steps,
            critic: total.critic / steps,
        })
    }

    /// Scales a gradient that is longer than `most` down to it.
    fn shorten(&self, gradients: &mut GradStore, most: f64) -> Result<()> {
        let variables = [self.actor.variables(), self.critic.variables()].concat();
        let mut square = 0.0;
        for gradient in variables.iter().filter_map(|variable| gradients.get(variable)) {
            square += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
        let factor = most / square.sqrt();
        if factor < 1.0 {
            for variable in &variables {
                if let Some(gradient) = gradients.remove(variable) {
                    gradients.insert(variable, (gradient * factor)?);
                }
            }
        }
        Ok(())
    }
}

/// Advantages of one user's choices in a row, and none after the last.
pub fn advantages(rewards: &[f32], expected: &[f32], settings: &Settings) -> Vec<f64> {
    let mut advantages = vec![0.0; rewards.len()];
    let (mut next, mut next_expected) = (0.0, 0.0);
    for t in (0..rewards.len()).rev() {
        let (reward, here) = (f64::from(rewards[t]), f64::from(expected[t]));
        let delta = reward + settings.discount * next_expected - here;
        next = delta + settings.discount * settings.trace * next;
        next_expected = here;
        advantages[t] = next;
    }
    advantages
}
