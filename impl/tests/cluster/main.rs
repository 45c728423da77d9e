//! `zabkeeper cluster`, `zabkeeper status` and what they tell, through the program itself.

mod command;
mod errors;
mod running;
mod seed;
mod status;
